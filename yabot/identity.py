"""Who may call the API, as the API and its store both see it: clients, sessions, revocations.

The rule: nothing here can be used to call. Secrets and refresh tokens are only ever held as SHA-256
of 256 random bits, which nobody can search back; a slow hash protects guessable passwords, and here
it would only let a stranger buy the bot's time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yabot.domain.decision import Once
from yabot.domain.values import Instant


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A service that may log in. `secret_digest` is SHA-256; a revoked one keeps its name."""

    client_id: str
    secret_digest: str
    scopes: frozenset[str]
    created_at: Instant
    revoked_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One login and all its refresh tokens, of which only `current` is good.

    `previous` was used at `rotated_at`; `seed` and it make `current` again, for a caller whose
    answer was lost. Digests are SHA-256 in hex.
    """

    family_id: str
    client_id: str
    scopes: frozenset[str]
    expires_at: Instant
    current: str
    previous: str = ""
    seed: str = ""
    rotated_at: Instant | None = None
    revoked_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Revocation:
    """The id of an access token, or of a session and so of all its tokens; void at `expires_at`."""

    id: str
    expires_at: Instant


class IdentityStore(Protocol):
    """Keeps all of it. Every method raises StoreUnavailable; writing returns when it is durable."""

    async def client(self, client_id: str) -> ApiClient | None:
        """The client of this name, also a revoked one."""
        ...

    async def clients(self) -> Sequence[ApiClient]:
        """All clients by name."""
        ...

    async def add_client(self, client: ApiClient, once: Once | None = None) -> None:
        """Keep a new client, and that this was done under a key.

        Raises CommitRefused for a name that exists, AlreadyProcessed for a key that was used.
        """
        ...

    async def done_under(self, key: str) -> str | None:
        """The fingerprint of what was done under a key, if anything was."""
        ...

    async def revoke_client(self, client_id: str, now: Instant) -> None:
        """Note that a client may no longer log in; the first moment stays."""
        ...

    async def session(self, family_id: str) -> Session | None:
        """The session of this id, also one that is over."""
        ...

    async def begin_session(self, session: Session, now: Instant, *, most: int) -> None:
        """Keep a new session; those that are over go, and of its client all but the last `most`."""
        ...

    async def rotate_session(self, session: Session, *, replacing: str) -> None:
        """Move a session on whose current digest is `replacing`; any other stays as it is."""
        ...

    async def revoke_session(self, family_id: str, now: Instant) -> None:
        """Note that a session has ended before its time."""
        ...

    async def revocations(self, now: Instant) -> Sequence[Revocation]:
        """What is revoked and not yet void."""
        ...

    async def add_revocation(self, revocation: Revocation, now: Instant) -> None:
        """Keep a revocation; those that are void are removed."""
        ...
