"""Routes for logging in: tokens for credentials (RFC 6749), their end (RFC 7009), and public keys.

The rule: whoever asks for a token, its successor or its end shows a client's secret first; what is
wrong is told in the words of RFC 6749 and never says which part of the credentials was.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import unquote_plus

from pydantic import ConfigDict, Field
from structlog.contextvars import bind_contextvars

from yabot.api.caller import neighbourhood
from yabot.api.clients import BadClient
from yabot.api.gate import Gate
from yabot.api.problems import Problem
from yabot.api.reading import FORM
from yabot.api.refresh import BadRefresh, BeyondScope, Foreign, Refreshed, Reused
from yabot.api.route import JSON, AnyRoute, Asked, Input, Nothing, Output, Reply, Route
from yabot.api.scopes import ADMIN
from yabot.api.tokens import LIFETIME, BadToken
from yabot.domain.values import Instant
from yabot.identity import ApiClient

AUTH = "/api/v1/auth"
EITHER = (JSON, FORM)
LOGIN_ERRORS = ((400, "invalid_request"), (401, "invalid_client"))

JWKS_AGE = 300
"""Seconds for which others may keep the public keys; a key is published much longer before use."""

Short = Annotated[str, Field(max_length=512)]
Token = Annotated[str, Field(max_length=8192)]


class Credentials(Input):
    """A client and its secret, unless they come as HTTP Basic; what is unknown is ignored."""

    model_config = ConfigDict(extra="ignore")

    client_id: Short | None = None
    client_secret: Annotated[Short | None, Field(repr=False)] = None


class TokenRequest(Credentials):
    """Which grant, and for which scopes, separated by blanks; all of the client's when left out."""

    grant_type: Short | None = None
    scope: Short | None = None


class RefreshRequest(Credentials):
    """The refresh token, and fewer scopes if wanted."""

    refresh_token: Annotated[Token | None, Field(repr=False)] = None
    grant_type: Short = "refresh_token"
    scope: Short | None = None


class RevokeRequest(Credentials):
    """A refresh token, whose session ends, or an access token."""

    token: Annotated[Token | None, Field(repr=False)] = None
    token_type_hint: Short | None = None


class TokenAnswer(Output):
    """An access token for the header `Authorization`, and the refresh token that follows it up."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = int(LIFETIME.total_seconds())
    scope: str
    refresh_token: str = Field(repr=False)
    refresh_token_expires_at: Instant


class Keys(Output):
    """Public keys as JSON Web Keys (RFC 7517)."""

    keys: tuple[Mapping[str, str], ...]


class AuthRoutes:
    """Logging in, over the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("POST", f"{AUTH}/token", "create_token", "Get tokens for credentials",
                  TokenRequest, TokenAnswer, self.token, scope=None, rate="login", accepts=EITHER,
                  errors=(*LOGIN_ERRORS, (400, "unsupported_grant_type"), (400, "invalid_scope"))),
            Route("POST", f"{AUTH}/refresh", "refresh_token", "Get tokens for a refresh token",
                  RefreshRequest, TokenAnswer, self.refresh, scope=None, rate="login",
                  accepts=EITHER, errors=(*LOGIN_ERRORS, (400, "invalid_grant"),
                                          (400, "unsupported_grant_type"), (400, "invalid_scope"))),
            Route("POST", f"{AUTH}/revoke", "revoke_token", "End a token or a session",
                  RevokeRequest, None, self.revoke, scope=None, rate="login", accepts=EITHER,
                  errors=(*LOGIN_ERRORS, (400, "invalid_grant"))),
            Route("GET", "/.well-known/jwks.json", "get_keys", "The keys that verify tokens",
                  Nothing, Keys, self.keys, scope=None),
        )  # fmt: skip

    async def token(self, asked: Asked[TokenRequest]) -> Reply:
        """Tokens for a client's credentials."""
        given = asked.input
        client = await self._client(given, asked)
        if given.grant_type is None:
            raise Problem("invalid_request")
        if given.grant_type != "client_credentials":
            raise Problem("unsupported_grant_type", wanted="client_credentials")
        scopes = _narrowed(given.scope, client.scopes)
        return self._tokens(await self._gate.refresh.issue(client, scopes), scopes)

    async def refresh(self, asked: Asked[RefreshRequest]) -> Reply:
        """Tokens for a refresh token, which has then been used."""
        given = asked.input
        client = await self._client(given, asked)
        if given.refresh_token is None:
            raise Problem("invalid_request")
        if given.grant_type != "refresh_token":
            raise Problem("unsupported_grant_type", wanted="refresh_token")
        wanted = _words(given.scope)
        try:
            refreshed = await self._gate.refresh.exchange(given.refresh_token, client, wanted)
        except BeyondScope as error:
            raise Problem("invalid_scope") from error
        except BadRefresh as error:
            raise self._refused(error, asked, client) from error
        return self._tokens(refreshed, wanted or refreshed.session.scopes)

    async def revoke(self, asked: Asked[RevokeRequest]) -> Reply:
        """End a token; one that has ended already, or never was, is fine too."""
        given = asked.input
        client = await self._client(given, asked)
        if given.token is None:
            raise Problem("invalid_request")
        if given.token.count(".") == 2:
            await self._revoke_access(given.token, client)
        else:
            await self._revoke_refresh(given.token, asked, client)
        return Reply(None)

    async def keys(self, _: Asked[Nothing]) -> Reply:
        """The public keys."""
        age = {"Cache-Control": f"public, max-age={JWKS_AGE}"}
        return Reply(Keys(keys=tuple(self._gate.keys.published())), headers=age)

    def _tokens(self, refreshed: Refreshed, scopes: frozenset[str]) -> Reply:
        session = refreshed.session
        access = self._gate.tokens.create_service_token(
            session.client_id, scopes=scopes, session=session.family_id
        )
        return Reply(
            TokenAnswer(
                access_token=access,
                scope=" ".join(sorted(scopes)),
                refresh_token=refreshed.token,
                refresh_token_expires_at=session.expires_at,
            )
        )

    async def _client(self, given: Credentials, asked: Asked[Credentials]) -> ApiClient:
        """Who asks. Raises Problem."""
        basic = _basic(asked.caller.authorization)
        if basic is not None and given.client_secret is not None:
            raise Problem("invalid_request")
        client_id, secret = basic or (given.client_id or "", given.client_secret or "")
        if basic is not None and given.client_id not in (None, client_id):
            raise Problem("invalid_request")
        self._gate.limits.take_login(client_id, neighbourhood(asked.caller.address))
        try:
            client = await self._gate.clients.authenticate(client_id, secret)
        except BadClient as error:
            self._gate.failures.note("secret", str(error), address=asked.caller.address)
            challenge = {"WWW-Authenticate": 'Basic realm="yabot"'}
            raise Problem("invalid_client", headers=challenge) from error
        bind_contextvars(client=client.client_id)
        return client

    def _refused(self, error: BadRefresh, asked: Asked[Credentials], client: ApiClient) -> Problem:
        failures, name, address = self._gate.failures, client.client_id, asked.caller.address
        if isinstance(error, Reused):
            failures.alarm("a refresh token was used twice", address=address, client=name)
        else:
            failures.note("refresh", str(error), address=address, client=name)
        return Problem("invalid_grant")

    async def _revoke_access(self, token: str, client: ApiClient) -> None:
        try:
            principal = self._gate.tokens.verify(token)
        except BadToken:
            return
        if principal.client != client.client_id and ADMIN not in client.scopes:
            raise Problem("invalid_grant")
        ends = datetime.fromtimestamp(principal.expires, UTC)
        await self._gate.revocations.add(principal.token_id, ends)

    async def _revoke_refresh(
        self, token: str, asked: Asked[RevokeRequest], client: ApiClient
    ) -> None:
        try:
            await self._gate.refresh.revoke(token, client)
        except Foreign as error:
            raise self._refused(error, asked, client) from error
        except BadRefresh:
            return


def _basic(given: Sequence[str]) -> tuple[str, str] | None:
    """The credentials of HTTP Basic, as RFC 6749 2.3.1 encodes them. Raises Problem."""
    if not given:
        return None
    scheme, _, encoded = given[0].partition(" ")
    try:
        text = b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise Problem("invalid_request") from error
    client_id, colon, secret = text.partition(":")
    if len(given) > 1 or scheme.lower() != "basic" or not colon:
        raise Problem("invalid_request")
    return unquote_plus(client_id), unquote_plus(secret)


def _words(scope: str | None) -> frozenset[str]:
    return frozenset((scope or "").split())


def _narrowed(scope: str | None, has: frozenset[str]) -> frozenset[str]:
    """The scopes that are asked for, or all. Raises Problem."""
    wanted = _words(scope)
    if not wanted <= has:
        raise Problem("invalid_scope")
    return wanted or has
