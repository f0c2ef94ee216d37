"""Clients: the services that may log in, each with a secret that is shown once.

The rule: a name is never given twice, so an old token never speaks for a newer client.
"""

import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

import structlog

from yabot.api.caller import ANONYMOUS
from yabot.api.problems import Problem, Refusal
from yabot.api.revocation import Revocations
from yabot.api.scopes import SCOPES
from yabot.api.tokens import is_service_name
from yabot.domain.decision import KEY_REUSED, Once
from yabot.errors import CommitRefused
from yabot.identity import ApiClient, IdentityStore
from yabot.users.ports import Clock

OPERATOR = "operator"
"""The name by which the bot knows the commands of its operator."""

RESERVED = frozenset({OPERATOR, ANONYMOUS})
"""Names with a meaning of their own, which no client gets."""

log = structlog.get_logger(__name__)


class BadClient(Exception):
    """A client did not prove who it is. The text is for the log."""


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client and its secret, which nobody can be told again."""

    client: ApiClient
    secret: str = field(repr=False)


class KnownClient(Exception):
    """Making a client is repeated under its key, and it is there."""

    def __init__(self, client: ApiClient) -> None:
        super().__init__(client.client_id)
        self.client = client


class Clients:
    """The clients over their store."""

    def __init__(self, store: IdentityStore, revocations: Revocations, *, clock: Clock) -> None:
        self._store = store
        self._revocations = revocations
        self._clock = clock

    async def add(
        self, client_id: str, scopes: Iterable[str], once: Once | None = None
    ) -> NewClient:
        """Make a client, once per key. Raises Problem, KnownClient, StoreUnavailable."""
        wanted = frozenset(scopes)
        if not is_service_name(client_id) or not wanted or not wanted <= SCOPES.keys():
            raise Problem("client_unusable")
        if client_id in RESERVED:
            raise Problem("client_exists")
        secret = secrets.token_urlsafe(32)
        client = ApiClient(client_id, digest(secret), wanted, self._clock())
        try:
            await self._store.add_client(client, once)
        except CommitRefused as error:
            raise await self._why_not(client_id, once) from error
        log.info("client.added", added=client_id, scopes=sorted(wanted))
        return NewClient(client, secret)

    async def all(self) -> Sequence[ApiClient]:
        """All clients by name, revoked ones too. Raises StoreUnavailable."""
        return await self._store.clients()

    async def revoke(self, client_id: str) -> ApiClient:
        """Refuse a client, and all its tokens at once. Raises Problem, StoreUnavailable."""
        await self._store.revoke_client(client_id, self._clock())
        client = await self._store.client(client_id)
        if client is None:
            raise Problem("client_unknown")
        self._revocations.add_client(client_id)
        log.info("client.revoked", revoked=client_id)
        return client

    async def _why_not(self, client_id: str, once: Once | None) -> Problem | KnownClient:
        """What to say of a client that the store did not take."""
        done = await self._store.done_under(once.key) if once is not None else None
        if once is None or done is None:
            return Problem("client_exists")
        known = await self._store.client(client_id)
        if known is None or done != once.fingerprint:
            return Refusal(KEY_REUSED)
        return KnownClient(known)

    async def authenticate(self, client_id: str, secret: str) -> ApiClient:
        """The client that has this secret. Raises BadClient, StoreUnavailable."""
        if not is_service_name(client_id):
            raise BadClient("not a client's name")
        client = await self._store.client(client_id)
        known = client.secret_digest if client is not None else NOBODYS
        if not hmac.compare_digest(digest(secret), known) or client is None:
            raise BadClient("wrong secret" if client is not None else "unknown client")
        if client.revoked_at is not None:
            raise BadClient("revoked client")
        return client


def digest(secret: str) -> str:
    """What is kept of a secret or a refresh token."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


NOBODYS = "0" * 64
"""Is compared where there is no client, so that its absence takes as long as a wrong secret."""
