"""Where a client's access token comes from.

The rule: a token is used until shortly before its end or until it is refused, and however many
calls need a new one, one request gets it.
"""

import time
from collections.abc import Callable
from typing import Protocol

import aiohttp
import anyio

from yabot.api.oauth import TokenAnswer
from yabot.api.problems import ProblemDetails
from yabot.client.errors import Refused, Unreachable

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
    """Tokens for a client's id and secret (RFC 6749, 4.4); `scope` None asks for all it may."""

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client_id = client_id
        self._secret = client_secret
        self._scope = scope
        self._clock = clock
        self._lock = anyio.Lock()
        self._token = ""
        self._until = float("-inf")

    async def get(self, session: aiohttp.ClientSession) -> str:
        """A token that still lives for a while."""
        async with self._lock:
            if self._clock() >= self._until:
                answer = await self._log_in(session)
                self._token = answer.access_token
                self._until = self._clock() + answer.expires_in - EARLY
            return self._token

    def refused(self, token: str) -> bool:
        """The next `get` logs in again, unless somebody else did since."""
        if token == self._token:
            self._until = float("-inf")
        return True

    async def _log_in(self, session: aiohttp.ClientSession) -> TokenAnswer:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret,
        }
        if self._scope is not None:
            form["scope"] = self._scope
        try:
            async with session.post("/api/v1/auth/token", data=form) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(str(error) or type(error).__name__, key=None) from error
        if answer.status == 200:
            return TokenAnswer.model_validate_json(body)
        if answer.status == 429 or answer.status >= 500:
            raise Unreachable(f"logging in was answered with {answer.status}", key=None)
        raise Refused(ProblemDetails.model_validate_json(body))
