"""A lean client of the Bot API: JSON in, JSON out.

The rule: one call, one request, and every way it can fail is one of three errors. Retrying, order
and pacing are the caller's.
"""

from types import TracebackType
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from yabot.errors import ConfigError, TelegramRefused, TelegramUnavailable
from yabot.telegram.answers import BadAnswer
from yabot.telegram.connections import Connections
from yabot.telegram.encoding import decode, has_uploads

CALL_TIMEOUT = 10.0
"""Seconds for a call without uploads."""

UPLOAD_TIMEOUT = 60.0
"""Seconds for a call that carries files."""

_JSON = "application/json"


class TelegramClient:
    """Calls methods of one bot over its own connections.

    `base_url` is the Bot API server, `connections` the most it uses at a time. Usable as an async
    context manager; it connects with the first call.
    """

    def __init__(self, token: str, base_url: str, *, connections: int = 100) -> None:
        url = urlsplit(base_url)
        self._connections = Connections(url, connections)
        self._path = f"{quote(url.path.rstrip('/'))}/bot{quote(token, safe=':')}/"
        self._host = url.netloc.rpartition("@")[2]

    async def call(
        self, method: str, params: bytes = b"{}", timeout: float | None = None
    ) -> object:
        """Call `method` with a JSON object and return its `result`; `timeout` is in seconds.

        Raises TelegramRefused where Telegram will never accept the call, TelegramUnavailable where
        it may later (with `retry_after` for a 429 alone), ConfigError for a bad token.
        """
        if timeout is None:
            timeout = UPLOAD_TIMEOUT if has_uploads(params) else CALL_TIMEOUT
        content_type, body = await _body(params)
        try:
            answer = await self._connections.exchange(
                self._request(method, content_type, body), timeout
            )
        except (BadAnswer, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise TelegramUnavailable(f"{method}: Telegram is out of reach: {reason}") from error
        return _result(method, answer.status, answer.body)

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self._connections.close()

    async def __aenter__(self) -> "TelegramClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _request(self, method: str, content_type: str, body: bytes) -> bytes:
        head = (
            f"POST {self._path}{method} HTTP/1.1\r\nHost: {self._host}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


async def _body(params: bytes) -> tuple[str, bytes]:
    """What a call sends and its content type."""
    if not has_uploads(params):
        return _JSON, params
    fields, uploads = decode(params)
    form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value if isinstance(value, str) else orjson.dumps(value).decode())
    for name, upload in uploads.items():
        form.add_field(name, upload.content, filename=upload.filename)
    payload = form()
    return payload.headers["Content-Type"], await payload.as_bytes()


def _result(method: str, status: int, body: bytes) -> object:
    """The result of an answer, or the error that it stands for."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise TelegramUnavailable(f"{method}: HTTP {status} without a Bot API answer")
    if answer.get("ok") is True:
        return answer.get("result")
    code = answer.get("error_code")
    code = code if isinstance(code, int) else status
    description = answer.get("description", "")
    reason = f"{method}: {code} {description}".strip()
    if code == 401 or (code == 404 and description == "Not Found"):
        raise ConfigError([f"Telegram refused the token ({code}); check BOT_TOKEN ({method})"])
    if code == 429:
        raise TelegramUnavailable(reason, retry_after=_retry_after(answer))
    if code == 409 or code >= 500:
        raise TelegramUnavailable(reason)
    raise TelegramRefused(reason, code=code)


def _retry_after(answer: dict[str, object]) -> float:
    """The seconds that a 429 names; one second for one that names none."""
    parameters = answer.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    return float(wait) if isinstance(wait, int | float) else 1.0
