"""Where a client's access token comes from.

The rule: a token is used until shortly before its end or until it is refused, and however many
calls need a new one, one request gets it.
"""

import time
from collections.abc import Callable
from typing import Protocol

import aiohttp
import anyio

from yabot.api.oauth import AUTH, TokenAnswer
from yabot.client.errors import Refused, Unreachable
from yabot.client.messages import refusal, retry_after

EARLY = 30.0
"""Seconds before its end from which a token is no longer used."""


class TokenSource(Protocol):
    """Gives a token for the next request."""

    async def get(self, session: aiohttp.ClientSession) -> str:
        """The token. Raises Refused, Unreachable."""
        ...

    def refused(self, token: str) -> bool:
        """Note that the API did not take a token; True where `get` can give another one."""
        ...


class FixedToken:
    """A token from elsewhere, such as `yabot token NAME`."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def get(self, session: aiohttp.ClientSession) -> str:  # noqa: ARG002
        """The token."""
        return self._token

    def refused(self, token: str) -> bool:  # noqa: ARG002
        """There is no other one."""
        return False


class ClientCredentials:
    """Tokens for a client's id and secret (RFC 6749, 4.4); `scope` None asks for all it may.

    One login is kept going by its refresh tokens, and another one begins where they end.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = {"client_id": client_id, "client_secret": client_secret}
        self._scope = {} if scope is None else {"scope": scope}
        self._clock = clock
        self._lock = anyio.Lock()
        self._token = ""
        self._refresh = ""
        self._until = float("-inf")

    async def get(self, session: aiohttp.ClientSession) -> str:
        """A token that still lives for a while."""
        async with self._lock:
            if self._clock() >= self._until:
                answer = await self._refreshed(session) or await self._log_in(session)
                self._token, self._refresh = answer.access_token, answer.refresh_token
                self._until = self._clock() + answer.expires_in - EARLY
            return self._token

    def refused(self, token: str) -> bool:
        """The next `get` brings another one, unless somebody else did since."""
        if token == self._token:
            self._until = float("-inf")
        return True

    async def _refreshed(self, session: aiohttp.ClientSession) -> TokenAnswer | None:
        """The next token of this login; None where it has ended, or its answer was lost.

        A refresh token is shown once, whatever becomes of the answer: twice would look like theft.
        """
        token, self._refresh = self._refresh, ""
        if not token:
            return None
        try:
            return await self._ask(session, "refresh", refresh_token=token)
        except (Refused, Unreachable):
            return None

    async def _log_in(self, session: aiohttp.ClientSession) -> TokenAnswer:
        return await self._ask(session, "token", grant_type="client_credentials", **self._scope)

    async def _ask(self, session: aiohttp.ClientSession, path: str, **form: str) -> TokenAnswer:
        sent = {**self._credentials, **form}
        try:
            async with session.post(f"{AUTH}/{path}", data=sent, allow_redirects=False) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        if answer.status == 200:
            return TokenAnswer.model_validate_json(body)
        if answer.status == 429 or answer.status >= 500:
            reason = f"asking for a token was answered with {answer.status}"
            raise Unreachable(reason, retry_after=retry_after(answer.headers))
        raise refusal(answer.status, body)
