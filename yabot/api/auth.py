"""AuthService: who is calling, from the `Authorization` header of a request.

The rule: a signature is checked once per token; its time, its key and whether it is revoked are
checked at every call.
"""

import hashlib
from collections import OrderedDict

from multidict import CIMultiDictProxy

from yabot.api.failures import Failures
from yabot.api.problems import Problem
from yabot.api.revocation import Revocations
from yabot.api.tokens import LEEWAY, LONGEST_TOKEN, BadToken, JWTService, Principal
from yabot.users.ports import Clock

KNOWN_TOKENS = 1024
"""Verified tokens that are remembered; the least recently used is forgotten first."""


class AuthService:
    """Authenticates requests and checks their scope."""

    def __init__(
        self, tokens: JWTService, revocations: Revocations, failures: Failures, *, clock: Clock
    ) -> None:
        self._tokens = tokens
        self._revocations = revocations
        self._failures = failures
        self._clock = clock
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def authenticate_request(self, token: str) -> Principal:
        """Who the token speaks for. Raises BadToken."""
        if len(token) > LONGEST_TOKEN:
            raise BadToken("too long")
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).digest()
        principal = self._known.get(digest)
        if principal is None:
            principal = self._tokens.verify(token)
            self._known[digest] = principal
            if len(self._known) > KNOWN_TOKENS:
                self._known.popitem(last=False)
        else:
            self._check_again(digest, principal)
        if self._revocations.cover(principal.client, principal.token_id, principal.session):
            raise BadToken("revoked")
        return principal

    def authorize(self, headers: CIMultiDictProxy[str], scope: str, address: str) -> Principal:
        """Who sent a request with these headers.

        Raises Problem: 401, 403 without the scope, 429 where an address fails too often.
        """
        given = headers.getall("Authorization", [])
        if not given:
            raise _unauthorized("")
        scheme, _, token = given[0].partition(" ")
        if len(given) > 1 or scheme.lower() != "bearer" or not token:
            self._failures.note("token", "not one bearer token", address=address)
            raise _unauthorized("invalid_request")
        try:
            principal = self.authenticate_request(token)
        except BadToken as error:
            self._failures.note("token", str(error), address=address)
            raise _unauthorized("invalid_token") from error
        if scope not in principal.scopes:
            self._failures.note("scope", scope, address=address, client=principal.client)
            challenge = {"WWW-Authenticate": _challenge("insufficient_scope", scope)}
            raise Problem("insufficient_scope", headers=challenge, scope=scope)
        return principal

    def _check_again(self, digest: bytes, principal: Principal) -> None:
        """Its signature was good; its time may be over by now, and its key withdrawn."""
        if principal.expires <= self._clock().timestamp() - LEEWAY:
            del self._known[digest]
            raise BadToken("expired")
        if not self._tokens.knows(principal.kid):
            del self._known[digest]
            raise BadToken("unknown key")
        self._known.move_to_end(digest)


def _unauthorized(error: str) -> Problem:
    return Problem("unauthorized", headers={"WWW-Authenticate": _challenge(error)})


def _challenge(error: str, scope: str = "") -> str:
    """The challenge of RFC 6750; without a token it names no error."""
    named = f', error="{error}"' if error else ""
    wanted = f', scope="{scope}"' if scope else ""
    return f'Bearer realm="yabot"{named}{wanted}'
