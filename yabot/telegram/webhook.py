"""Updates by webhook.

The rule: 200 means durable. Who can't show the secret gets a short refusal and a line in the log;
who comes while we can't take updates is asked to come again.
"""

import hmac
import random
from collections.abc import Sequence
from typing import Literal

import anyio
import orjson
import structlog
from aiohttp import web

from actors import Actor
from supervision import backoff
from yabot.errors import (
    ConfigError,
    Overloaded,
    StoreUnavailable,
    TelegramRefused,
    TelegramUnavailable,
)
from yabot.telegram.client import TelegramClient
from yabot.telegram.ingress import Ingress

BODY_LIMIT = 1024 * 1024
"""Bytes of one update; Telegram's are far smaller."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105
CONNECTIONS = 100
"""Requests that Telegram may have open with us at a time."""

ATTEMPTS = 3
"""Attempts to set the webhook before polling takes its place."""

log = structlog.get_logger(__name__)


async def choose_mode(
    client: TelegramClient, *, url: str, secret: str, allowed: Sequence[str]
) -> Literal["webhook", "polling"]:
    """Set the webhook; where that can't be done, log why and fall back to polling.

    Raises ConfigError when Telegram refuses the token.
    """
    params = orjson.dumps(
        {
            "url": url,
            "secret_token": secret,
            "allowed_updates": list(allowed),
            "max_connections": CONNECTIONS,
        }
    )
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await client.call("setWebhook", params)
        except TelegramRefused as error:
            log.warning("webhook.unusable", url=url, error=str(error), instead="polling")
            return "polling"
        except TelegramUnavailable as error:
            log.warning("webhook.not_set", url=url, error=str(error), attempt=attempt)
            await anyio.sleep(backoff(attempt, base=0.5, cap=5.0, rng=random.random))
        else:
            log.info("webhook.set", url=url, allowed_updates=list(allowed))
            return "webhook"
    log.warning("webhook.unusable", url=url, error="Telegram is out of reach", instead="polling")
    return "polling"


class WebhookHandler:
    """Answers the requests of one webhook."""

    def __init__(self, ingress: Ingress, secret: str) -> None:
        """Raises ConfigError for an empty secret: anybody could send updates then."""
        if not secret:
            raise ConfigError(["WEBHOOK_SECRET is empty; set 32 or more random letters"])
        self._ingress = ingress
        self._secret = secret.encode()

    async def handle(self, request: web.Request) -> web.Response:
        """200 once the update is durable; 4xx for what is not Telegram's; 503 to come again."""
        if request.method != "POST":
            return _refuse(request, 405, "method_not_allowed")
        shown = request.headers.get(SECRET_HEADER)
        if shown is None:
            return _refuse(request, 401, "secret_missing")
        if not hmac.compare_digest(shown.encode(errors="surrogateescape"), self._secret):
            return _refuse(request, 403, "secret_wrong")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refuse(request, 413, "body_too_large")
        update = _parse(body)
        if update is None:
            return _refuse(request, 400, "not_an_update")
        try:
            await self._ingress.take([update], [body])
        except (Overloaded, StoreUnavailable) as error:
            return _later(error)
        return web.Response()


class WebhookServer(Actor[object]):
    """The public server of the webhook; it serves nothing else. `port` 0 takes a free one."""

    def __init__(self, handler: WebhookHandler, *, host: str, port: int, path: str) -> None:
        super().__init__()
        self._handler = handler
        self._host = host
        self._port = port
        self._path = path
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; the configured one before the start."""
        addresses = self._runner.addresses if self._runner is not None else []
        return int(addresses[0][1]) if addresses else self._port

    async def started(self) -> None:
        """Listen. Raises ConfigError where the address can't be had."""
        app = web.Application(client_max_size=BODY_LIMIT)
        app.router.add_route("*", self._path, self._handler.handle)
        app.router.add_route("*", "/{anything:.*}", _unknown_path)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        except OSError as error:
            raise ConfigError(
                [
                    f"WEBHOOK_PORT: can't listen on {self._host}:{self._port} ({error.strerror});"
                    " stop what listens there or choose another port"
                ]
            ) from error
        log.info("webhook.listening", host=self._host, port=self.port, path=self._path)

    async def stopping(self) -> None:
        """Stop listening; requests under way are answered first."""
        await self._close()

    async def restarting(self, error: Exception) -> None:
        """Free the address for the next incarnation."""
        log.warning("webhook.restarting", error=str(error))
        await self._close()

    async def _close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


async def _unknown_path(request: web.Request) -> web.Response:
    return _refuse(request, 404, "not_found")


def _parse(body: bytes) -> dict[str, object] | None:
    try:
        update = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        return None
    return update


def _refuse(request: web.Request, status: int, reason: str) -> web.Response:
    log.warning(
        "webhook.refused",
        reason=reason,
        status=status,
        peer=request.remote,
        method=request.method,
        path=request.path,
        user_agent=request.headers.get("User-Agent"),
    )
    return _answer(status, reason)


def _later(error: Overloaded | StoreUnavailable) -> web.Response:
    response = _answer(503, "come_again")
    response.headers["Retry-After"] = str(max(1, round(error.retry_after or 1.0)))
    return response


def _answer(status: int, reason: str) -> web.Response:
    return web.Response(
        status=status,
        body=orjson.dumps({"ok": False, "error_code": status, "description": reason}),
        content_type="application/json",
    )
