"""AuthService: who is calling, from the `Authorization` header of a request.

The rule: a signature is checked once per token; the time is checked at every call.
"""

import hashlib
from collections import OrderedDict

import structlog
from multidict import CIMultiDictProxy

from yabot.api.problems import Problem
from yabot.api.tokens import LEEWAY, BadToken, JWTService, Principal
from yabot.users.ports import Clock

KNOWN_TOKENS = 1024
"""Verified tokens that are remembered; the least recently used is forgotten first."""

log = structlog.get_logger(__name__)


class AuthService:
    """Authenticates requests and checks their scope."""

    def __init__(self, tokens: JWTService, *, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def authenticate_request(self, token: str) -> Principal:
        """Who the token speaks for. Raises BadToken."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        principal = self._known.get(digest)
        if principal is None:
            principal = self._tokens.verify(token)
            self._known[digest] = principal
            if len(self._known) > KNOWN_TOKENS:
                self._known.popitem(last=False)
        elif principal.expires <= self._clock().timestamp() - LEEWAY:
            del self._known[digest]
            raise BadToken("expired")
        else:
            self._known.move_to_end(digest)
        return principal

    def authorize(self, headers: CIMultiDictProxy[str], scope: str) -> Principal:
        """Who sent a request with these headers. Raises Problem: 401, or 403 without the scope."""
        given = headers.getall("Authorization", [])
        if not given:
            raise _unauthorized("no bearer token", "send `Authorization: Bearer <token>`", "")
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token:
            raise _unauthorized("not one bearer token", "send one bearer token", "invalid_request")
        try:
            principal = self.authenticate_request(token)
        except BadToken as error:
            raise _unauthorized(
                str(error), "the token is invalid or has expired; get a new one", "invalid_token"
            ) from error
        if scope not in principal.scopes:
            log.warning("api.forbidden", client=principal.client, scope=scope)
            raise Problem(
                403,
                "insufficient_scope",
                f"this route needs the scope {scope}",
                headers={"WWW-Authenticate": _challenge("insufficient_scope")},
            )
        return principal


def _unauthorized(reason: str, detail: str, error: str) -> Problem:
    log.warning("api.unauthorized", reason=reason)
    return Problem(401, "unauthorized", detail, headers={"WWW-Authenticate": _challenge(error)})


def _challenge(error: str) -> str:
    """The challenge of RFC 6750; without a token it names no error."""
    return f'Bearer realm="yabot", error="{error}"' if error else 'Bearer realm="yabot"'
