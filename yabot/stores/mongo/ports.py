"""What the bot asks of the document copy, and the frozen values that cross.

The rule: versions are ordered as (epoch, version), and what is there gives way only to what is
newer, so every write may be repeated, late or out of order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from yabot.domain.story import Story
from yabot.domain.values import Instant, UserId


@dataclass(frozen=True, slots=True)
class DocumentVersion:
    """A user's document as one commit left it.

    `body` is the JSON of the document (`user.document`), None for a tombstone; `at` is when that
    commit was made.
    """

    user_id: UserId
    epoch: int
    version: int
    body: bytes | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that the server will never take, and why."""

    user_id: UserId
    version: int
    error: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a bot left in the server about its last delivery.

    `database_id` names the SQLite database that feeds this server; `delivery` grows with every
    batch.
    """

    database_id: str
    epoch: int
    delivery: int


class DocumentStore(Protocol):
    """A copy of the users' documents that other services read."""

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        """Store what is newer than what is there, durably, and return what was refused for good.

        Raises StoreUnavailable when the outcome isn't known or the server is away: put them again.
        """
        ...

    async def get(self, user_id: UserId) -> DocumentVersion | None:
        """The user's document; None for an unknown user. Raises StoreUnavailable."""
        ...

    async def mark(self) -> Mark | None:
        """The mark of the last delivery; None on a fresh server. Raises StoreUnavailable."""
        ...

    async def put_mark(self, mark: Mark) -> None:
        """Leave a mark, durably, in place of the one there. Raises StoreUnavailable."""
        ...

    async def put_content(self, story: Story, items: Mapping[str, Mapping[str, object]]) -> None:
        """Replace the narrative fragments and the items, given by their id.

        Raises StoreUnavailable.
        """
        ...

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]:
        """(user, epoch, version) of users beyond `after`, by id, tombstones too.

        Raises StoreUnavailable.
        """
        ...
