"""Updates by long polling.

The rule: the offset moves past an update once it is durable, so Telegram keeps what we have not.
"""

import random
from collections.abc import Sequence

import anyio
import orjson
import structlog

from actors import Actor
from supervision import backoff
from yabot.errors import Overloaded, StoreUnavailable, TelegramUnavailable
from yabot.telegram.client import TelegramClient
from yabot.telegram.ingress import Ingress

POLL_TIMEOUT = 25
"""Seconds that Telegram holds a poll open while there is nothing."""

NETWORK_TIMEOUT = 10
"""Seconds beyond that after which the connection is given up."""

BATCH = 100
LONGEST_PAUSE = 15.0

log = structlog.get_logger(__name__)


class Poller(Actor[object]):
    """Asks for updates for ever. `client` is its own, so that a held poll takes no send's place."""

    def __init__(self, client: TelegramClient, ingress: Ingress, allowed: Sequence[str]) -> None:
        super().__init__()
        self._client = client
        self._ingress = ingress
        self._allowed = list(allowed)

    async def run(self) -> None:
        """Remove a webhook, then poll. Raises ConfigError when Telegram refuses the token."""
        await self._call("deleteWebhook", {})
        log.info("polling.started", allowed_updates=self._allowed)
        offset = 0
        while True:
            updates = await self._poll(offset)
            if updates:
                await self._take(updates)
                offset = max(update_id for update_id, _ in updates) + 1

    async def _poll(self, offset: int) -> list[tuple[int, dict[str, object]]]:
        """The updates from `offset` on, each with its id; none when Telegram had none to give."""
        result = await self._call(
            "getUpdates",
            {
                "offset": offset,
                "limit": BATCH,
                "timeout": POLL_TIMEOUT,
                "allowed_updates": self._allowed,
            },
            timeout=POLL_TIMEOUT + NETWORK_TIMEOUT,
        )
        updates = result if isinstance(result, list) else []
        return [(update["update_id"], update) for update in updates]

    async def _call(
        self, method: str, params: dict[str, object], timeout: float | None = None
    ) -> object:
        """Call until Telegram answers; an absent one is waited for, and so is a second poller."""
        failures = 0
        while True:
            try:
                result = await self._client.call(method, orjson.dumps(params), timeout)
            except TelegramUnavailable as error:
                failures += 1
                pause = backoff(failures, base=0.5, cap=LONGEST_PAUSE, rng=random.random)
                pause = max(pause, error.retry_after or 0.0)
                log.warning(
                    "polling.interrupted",
                    error=str(error),
                    failures=failures,
                    pause=round(pause, 1),
                )
                await anyio.sleep(pause)
                continue
            if failures:
                log.info("polling.resumed", after_failures=failures)
            return result

    async def _take(self, updates: Sequence[tuple[int, dict[str, object]]]) -> None:
        """Offer the updates until they are taken; meanwhile nothing new is asked for."""
        raw = [update for _, update in updates]
        bodies = [orjson.dumps(update) for update in raw]
        failures = 0
        while True:
            try:
                return await self._ingress.take(raw, bodies)
            except (Overloaded, StoreUnavailable) as error:
                failures += 1
                if failures == 1:
                    log.warning("polling.waits", error=str(error), updates=len(raw))
                await anyio.sleep(error.retry_after or 1.0)
