"""SqliteIdentity: clients of the API, their sessions, and what is revoked.

The rule: a table cleans itself when something is added to it, so none outgrows what is in use.
"""

from collections.abc import Sequence

from yabot.domain.decision import Once
from yabot.domain.values import Instant
from yabot.identity import ApiClient, Revocation, Session
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.receipts import fingerprint, receipt
from yabot.stores.statements import Statement
from yabot.stores.writer import Writer

CLIENTS = """
    SELECT client_id, secret_digest, scopes, created_at, revoked_at FROM api_clients
    ORDER BY client_id"""
CLIENT = """
    SELECT client_id, secret_digest, scopes, created_at, revoked_at FROM api_clients
    WHERE client_id = ?"""
SESSION = """
    SELECT family_id, client_id, scopes, expires_at, current, previous, seed, rotated_at, revoked_at
    FROM api_sessions WHERE family_id = ?"""
REVOCATIONS = "SELECT id, expires_at FROM api_revocations WHERE expires_at >= ?"


class SqliteIdentity:
    """Keeps identities, as `IdentityStore` says."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    async def client(self, client_id: str) -> ApiClient | None:
        """As `IdentityStore.client` says."""
        row = await self._reader.row(CLIENT, client_id)
        return _client(*row) if row is not None else None

    async def clients(self) -> Sequence[ApiClient]:
        """As `IdentityStore.clients` says."""
        return [_client(*row) for row in await self._reader.rows(CLIENTS)]

    async def add_client(self, client: ApiClient, once: Once | None = None) -> None:
        """As `IdentityStore.add_client` says."""
        row = (
            client.client_id,
            client.secret_digest,
            _joined(client.scopes),
            to_micros(client.created_at),
        )
        done = [receipt(once, client.created_at)] if once is not None else []
        await self._writer.write((Statement.API_CLIENT_ADD, row), *done)

    async def done_under(self, key: str) -> str | None:
        """As `IdentityStore.done_under` says."""
        return await fingerprint(self._reader, key)

    async def revoke_client(self, client_id: str, now: Instant) -> None:
        """As `IdentityStore.revoke_client` says."""
        await self._writer.write((Statement.API_CLIENT_REVOKE, (to_micros(now), client_id)))

    async def session(self, family_id: str) -> Session | None:
        """As `IdentityStore.session` says."""
        row = await self._reader.row(SESSION, family_id)
        return _session(*row) if row is not None else None

    async def begin_session(self, session: Session, now: Instant, *, most: int) -> None:
        """As `IdentityStore.begin_session` says."""
        row = (
            session.family_id,
            session.client_id,
            _joined(session.scopes),
            to_micros(session.expires_at),
            session.current,
            session.previous,
            session.seed,
        )
        await self._writer.write(
            (Statement.API_SESSIONS_EXPIRE, (to_micros(now),)),
            (Statement.API_SESSIONS_TRIM, (session.client_id, most - 1)),
            (Statement.API_SESSION_ADD, row),
        )

    async def rotate_session(self, session: Session, *, replacing: str) -> None:
        """As `IdentityStore.rotate_session` says."""
        rotated = to_micros(session.rotated_at) if session.rotated_at is not None else None
        row = (session.current, session.previous, session.seed, rotated)
        await self._writer.write(
            (Statement.API_SESSION_ROTATE, (*row, session.family_id, replacing))
        )

    async def revoke_session(self, family_id: str, now: Instant) -> None:
        """As `IdentityStore.revoke_session` says."""
        await self._writer.write((Statement.API_SESSION_REVOKE, (to_micros(now), family_id)))

    async def revocations(self, now: Instant) -> Sequence[Revocation]:
        """As `IdentityStore.revocations` says."""
        rows = await self._reader.rows(REVOCATIONS, to_micros(now))
        return [Revocation(revoked, from_micros(end)) for revoked, end in rows]

    async def add_revocation(self, revocation: Revocation, now: Instant) -> None:
        """As `IdentityStore.add_revocation` says."""
        await self._writer.write(
            (Statement.API_REVOCATIONS_EXPIRE, (to_micros(now),)),
            (Statement.API_REVOCATION_ADD, (revocation.id, to_micros(revocation.expires_at))),
        )


def _client(
    client_id: str, secret_digest: str, scopes: str, created_at: int, revoked_at: int | None
) -> ApiClient:
    split, created = frozenset(scopes.split()), from_micros(created_at)
    return ApiClient(client_id, secret_digest, split, created, _moment(revoked_at))


def _session(
    family_id: str,
    client_id: str,
    scopes: str,
    expires_at: int,
    current: str,
    previous: str,
    seed: str,
    rotated_at: int | None,
    revoked_at: int | None,
) -> Session:
    return Session(
        family_id,
        client_id,
        frozenset(scopes.split()),
        from_micros(expires_at),
        current,
        previous,
        seed,
        _moment(rotated_at),
        _moment(revoked_at),
    )


def _moment(micros: int | None) -> Instant | None:
    return from_micros(micros) if micros is not None else None


def _joined(scopes: frozenset[str]) -> str:
    return " ".join(sorted(scopes))
