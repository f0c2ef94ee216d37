"""One call: its token, its key, and how often it is sent until an answer counts.

The rule: every change has a key that is made once per call, so sending it again never does it
again. What has no key is sent again only where the API has said that nothing happened.
"""

import random
import ssl
import time
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
import anyio
from pydantic import BaseModel

from supervision import backoff
from yabot.api.route import JSON
from yabot.client.errors import Unreachable
from yabot.client.messages import Answer, Raw, Request, keyed, parsed, refusal, retry_after
from yabot.client.tokens import TokenSource

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two attempts, growing to the longest, unless the API names more."""

NOTHING_HAPPENED = frozenset({429, 503})
MAY_HAVE_HAPPENED = frozenset({502, 504})
UNDER_WAY = b'"code":"in_progress"'
"""What the API says of a request that it hasn't done."""

ModelT = TypeVar("ModelT", bound=BaseModel)


class Connection:
    """Sends requests. Use it as an async context.

    `timeout` bounds one attempt and `patience` a whole call, in seconds; `connections` bounds how
    many calls are under way at once, the others wait for theirs. `tls` says whom an `https` address
    is believed; None, whom this machine believes.
    """

    def __init__(
        self,
        url: str,
        token: TokenSource | None = None,
        *,
        timeout: float = 10.0,
        patience: float = 30.0,
        connections: int = 100,
        tls: ssl.SSLContext | None = None,
        language: str = "en",
    ) -> None:
        self._url = url
        self._token = token
        self._timeout = timeout
        self._patience = patience
        self._connections = connections
        self._tls: ssl.SSLContext | bool = tls if tls is not None else True
        self._headers = {"Accept-Language": language, "X-Request-Timeout": f"{timeout:g}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        limit = aiohttp.ClientTimeout(total=self._timeout + 1.0)
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._tls)
        self._session = aiohttp.ClientSession(self._url, timeout=limit, connector=connector)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def read(self, path: str, model: type[ModelT], **query: object) -> Answer[ModelT]:
        """GET a model. Raises Refused, Unreachable."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        return parsed(await self.send(Request("GET", path, given)), model)

    async def text(self, path: str, **query: str) -> str:
        """GET a text. Raises Refused, Unreachable."""
        return (await self.send(Request("GET", path, query))).body.decode()

    async def change(
        self,
        method: str,
        path: str,
        body: BaseModel | None,
        model: type[ModelT],
        *,
        if_match: str | None = None,
        key: str | None = None,
    ) -> Answer[ModelT]:
        """Change something once. Raises Refused, Changed, Unreachable."""
        raw = await self.send(keyed(method, path, body, if_match=if_match, key=key))
        return parsed(raw, model)

    async def send(self, request: Request) -> Raw:
        """Send it until an answer counts. Raises Refused, Changed, Unreachable."""
        ends = time.monotonic() + self._patience
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(request, may_log_in=attempt == 1)
            except _Again as again:
                usual = backoff(attempt, base=FIRST_PAUSE, cap=LONGEST_PAUSE, rng=random.random)
                pause = max(usual, again.retry_after)
                if time.monotonic() + pause > ends:
                    raise Unreachable(
                        again.reason, key=request.key, retry_after=again.retry_after
                    ) from again.__cause__
            await anyio.sleep(pause)

    async def _attempt(self, request: Request, *, may_log_in: bool) -> Raw:
        if self._session is None:
            raise RuntimeError("use the client as an async context: `async with Client(...)`")
        headers = {**self._headers, **request.headers}
        token = ""
        if self._token is not None:
            token = await self._access(self._token, self._session)
            headers["Authorization"] = f"Bearer {token}"
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        if request.body is not None:
            headers["Content-Type"] = JSON
        try:
            async with self._session.request(
                request.method,
                request.path,
                params=request.query,
                data=request.body,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientConnectorError as error:
            raise _Again(str(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            if not request.repeatable:
                raise Unreachable(reason) from error
            raise _Again(reason) from error
        if answer.status < 300 or answer.content_type == JSON:
            replayed = answer.headers.get("Idempotent-Replayed") == "true"
            return Raw(body, answer.headers.get("ETag", ""), replayed)
        if answer.status == 401 and may_log_in and self._renewed(token):
            raise _Again("the token was refused")
        if _counts(request, answer.status, body):
            raise refusal(answer.status, body)
        wait = retry_after(answer.headers)
        raise _Again(f"it was answered with {answer.status}", wait)

    async def _access(self, source: TokenSource, session: aiohttp.ClientSession) -> str:
        """A token. Where none is to be had now, nothing has been sent, and it may go again."""
        try:
            return await source.get(session)
        except Unreachable as error:
            raise _Again(error.reason, error.retry_after) from error

    def _renewed(self, token: str) -> bool:
        return self._token is not None and self._token.refused(token)


def _counts(request: Request, status: int, body: bytes) -> bool:
    """Whether an answer that is no success is the last word."""
    if status in NOTHING_HAPPENED:
        return False
    if not request.repeatable:
        return True
    return status not in MAY_HAVE_HAPPENED and not (status == 409 and UNDER_WAY in body)


class _Again(Exception):
    """This attempt does not count."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
