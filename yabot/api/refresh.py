"""Refresh tokens: one use each, in a line that ends as a whole when one is used twice.

A token that is used again was stolen, from the thief or by one (RFC 9700, 4.14.2), so its session
ends. Only right after its use it gives the same successor again: then an answer was lost. The
successor is made from the token and a random seed, so that it can be made again though only digests
are kept. The rule: a session's row is all that is ever stored, however often it is refreshed.
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256

import anyio

from yabot.api.clients import digest
from yabot.api.revocation import Revocations
from yabot.api.tokens import LIFETIME
from yabot.identity import ApiClient, IdentityStore, Session
from yabot.users.ports import Clock

SESSION_LIFETIME = timedelta(days=7)
"""From the login; then the client shows its secret again."""

GRACE = timedelta(seconds=10)
"""How long a used token gives its successor again."""

MOST_SESSIONS = 100
"""Sessions of one client; a new one ends the oldest."""

LONGEST = 256
"""Characters."""


class BadRefresh(Exception):
    """A refresh token was refused. The text is for the log."""


class Foreign(BadRefresh):
    """A refresh token is another client's."""


class BeyondScope(BadRefresh):
    """More was asked for than the session has; its token stays good."""


class Reused(BadRefresh):
    """A refresh token was used twice, and its session has ended."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A session and the token that keeps it going."""

    session: Session
    token: str = field(repr=False)


class RefreshTokens:
    """Issues, exchanges and revokes refresh tokens."""

    def __init__(self, store: IdentityStore, revocations: Revocations, *, clock: Clock) -> None:
        self._store = store
        self._revocations = revocations
        self._clock = clock
        self._lock = anyio.Lock()

    async def issue(self, client: ApiClient, scopes: frozenset[str]) -> Refreshed:
        """Begin a session. Raises StoreUnavailable."""
        now = self._clock()
        selector = secrets.token_urlsafe(16)
        token = f"{selector}.{secrets.token_urlsafe(32)}"
        ends = now + SESSION_LIFETIME
        session = Session(_family(selector), client.client_id, scopes, ends, digest(token))
        await self._store.begin_session(session, now, most=MOST_SESSIONS)
        return Refreshed(session, token)

    async def exchange(
        self, token: str, client: ApiClient, wanted: frozenset[str] = frozenset()
    ) -> Refreshed:
        """The successor of a token, if its session has the scopes that are wanted.

        Raises BadRefresh, BeyondScope, Reused, StoreUnavailable.
        """
        async with self._lock:
            session = await self._session(token, client)
            if not wanted <= session.scopes:
                raise BeyondScope("beyond its scope")
            now, shown = self._clock(), digest(token)
            if hmac.compare_digest(shown, session.current):
                return await self._rotate(session, token)
            rotated = session.rotated_at
            recent = rotated is not None and now - rotated <= GRACE
            if recent and hmac.compare_digest(shown, session.previous):
                return Refreshed(session, _successor(token, session.seed))
            await self._end(session)
            raise Reused("used twice")

    async def revoke(self, token: str, client: ApiClient) -> None:
        """End the session of a token. Raises BadRefresh, Foreign, StoreUnavailable."""
        async with self._lock:
            await self._end(await self._session(token, client))

    async def _session(self, token: str, client: ApiClient) -> Session:
        selector, dot, secret = token.partition(".")
        if len(token) > LONGEST or not (dot and selector and secret):
            raise BadRefresh("not a refresh token")
        session = await self._store.session(_family(selector))
        if session is None:
            raise BadRefresh("unknown")
        if session.client_id != client.client_id:
            raise Foreign("another client's")
        if session.revoked_at is not None:
            raise BadRefresh("revoked")
        if session.expires_at <= self._clock():
            raise BadRefresh("expired")
        return session

    async def _rotate(self, session: Session, token: str) -> Refreshed:
        seed = secrets.token_hex(32)
        successor = _successor(token, seed)
        rotated = replace(
            session,
            current=digest(successor),
            previous=session.current,
            seed=seed,
            rotated_at=self._clock(),
        )
        await self._store.rotate_session(rotated, replacing=session.current)
        return Refreshed(rotated, successor)

    async def _end(self, session: Session) -> None:
        """The session first: if the rest is lost, its access tokens still end by themselves."""
        now = self._clock()
        await self._store.revoke_session(session.family_id, now)
        await self._revocations.add(session.family_id, now + LIFETIME)


def _successor(token: str, seed: str) -> str:
    selector = token.partition(".")[0]
    made = hmac.new(bytes.fromhex(seed), token.encode(), sha256).digest()
    return f"{selector}.{urlsafe_b64encode(made).decode().rstrip('=')}"


def _family(selector: str) -> str:
    """A session's public name, from which its selector can't be told."""
    made = sha256(b"session:" + selector.encode(errors="surrogatepass")).digest()
    return urlsafe_b64encode(made[:16]).decode().rstrip("=")
