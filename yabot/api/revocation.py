"""Revocations: what is refused before its time, held in memory because every request asks.

The rule: a revocation is durable before it is confirmed, and is forgotten when what it refuses
would have ended anyway.
"""

from datetime import timedelta

from yabot.domain.values import Instant
from yabot.identity import IdentityStore, Revocation
from yabot.users.ports import Clock

SKEW = timedelta(seconds=60)
"""How much longer than its token a revocation is kept."""


class Revocations:
    """Ids of tokens and of sessions, and names of clients."""

    def __init__(self, store: IdentityStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._void_at: dict[str, Instant] = {}
        self._clients: set[str] = set()

    def __len__(self) -> int:
        return len(self._void_at)

    async def open(self) -> None:
        """Read what is revoked. Raises StoreUnavailable."""
        self._clients |= {c.client_id for c in await self._store.clients() if c.revoked_at}
        for revocation in await self._store.revocations(self._clock()):
            self._void_at[revocation.id] = revocation.expires_at

    async def add(self, revoked: str, ends: Instant) -> None:
        """Refuse a token or a session, which would end at `ends`. Raises StoreUnavailable."""
        now = self._clock()
        revocation = Revocation(revoked, ends + SKEW)
        await self._store.add_revocation(revocation, now)
        self._void_at = {id_: void for id_, void in self._void_at.items() if void >= now}
        self._void_at[revoked] = revocation.expires_at

    def add_client(self, client_id: str) -> None:
        """Refuse every token of a client, which the store has as revoked."""
        self._clients.add(client_id)

    def cover(self, client: str, *ids: str) -> bool:
        """Whether a client, or one of these ids, is refused."""
        return client in self._clients or any(id_ in self._void_at for id_ in ids)
