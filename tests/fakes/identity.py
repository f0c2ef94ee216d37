"""MemoryIdentity: who may call the API, in memory."""

from collections.abc import Sequence
from dataclasses import replace

from yabot.domain.decision import Once
from yabot.domain.values import Instant
from yabot.errors import AlreadyProcessed, CommitRefused
from yabot.identity import ApiClient, Revocation, Session


class MemoryIdentity:
    """An IdentityStore."""

    def __init__(self) -> None:
        self._clients: dict[str, ApiClient] = {}
        self._done: dict[str, str] = {}
        self._sessions: dict[str, Session] = {}
        self._revocations: dict[str, Revocation] = {}

    async def client(self, client_id: str) -> ApiClient | None:
        return self._clients.get(client_id)

    async def clients(self) -> Sequence[ApiClient]:
        return [client for _, client in sorted(self._clients.items())]

    async def add_client(self, client: ApiClient, once: Once | None = None) -> None:
        if once is not None and once.key in self._done:
            raise AlreadyProcessed("this key has been processed before")
        if client.client_id in self._clients:
            raise CommitRefused("the name is in use")
        self._clients[client.client_id] = client
        if once is not None:
            self._done[once.key] = once.fingerprint

    async def done_under(self, key: str) -> str | None:
        return self._done.get(key)

    async def revoke_client(self, client_id: str, now: Instant) -> None:
        client = self._clients.get(client_id)
        if client is not None and client.revoked_at is None:
            self._clients[client_id] = replace(client, revoked_at=now)

    async def session(self, family_id: str) -> Session | None:
        return self._sessions.get(family_id)

    async def begin_session(self, session: Session, now: Instant, *, most: int) -> None:
        if session.client_id not in self._clients:
            raise CommitRefused("no such client")
        over = [s.family_id for s in self._sessions.values() if s.expires_at < now]
        for family_id in over:
            del self._sessions[family_id]
        own = [s for s in self._sessions.values() if s.client_id == session.client_id]
        for old in sorted(own, key=lambda s: s.expires_at, reverse=True)[most - 1 :]:
            del self._sessions[old.family_id]
        self._sessions[session.family_id] = session

    async def rotate_session(self, session: Session, *, replacing: str) -> None:
        stored = self._sessions.get(session.family_id)
        if stored is not None and stored.current == replacing and stored.revoked_at is None:
            self._sessions[session.family_id] = session

    async def revoke_session(self, family_id: str, now: Instant) -> None:
        stored = self._sessions.get(family_id)
        if stored is not None and stored.revoked_at is None:
            self._sessions[family_id] = replace(stored, revoked_at=now)

    async def revocations(self, now: Instant) -> Sequence[Revocation]:
        return [r for r in self._revocations.values() if r.expires_at >= now]

    async def add_revocation(self, revocation: Revocation, now: Instant) -> None:
        kept = {id_: r for id_, r in self._revocations.items() if r.expires_at >= now}
        self._revocations = {revocation.id: revocation} | kept
