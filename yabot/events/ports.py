"""What the event bus needs from a store, as Protocols on the consumer's side."""

from collections.abc import Sequence
from typing import Protocol

from yabot.domain.values import Instant, UserId
from yabot.users.ports import DeadLetter


class QueuedEvent(Protocol):
    """An event as it was committed. `payload` is a JSON object."""

    @property
    def seq(self) -> int: ...
    @property
    def event_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def user_id(self) -> UserId: ...
    @property
    def epoch(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def at(self) -> Instant: ...
    @property
    def payload(self) -> bytes: ...

    def envelope(self) -> bytes:
        """The JSON in which the event leaves this process."""
        ...


class EventFeed(Protocol):
    """The outbox as one relay sees it; its position survives restarts."""

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events with `seq > after` that this relay has yet to take, in order.

        Raises StoreUnavailable.
        """
        ...

    async def changed(self) -> None:
        """Return when events may have come since the last `read`."""
        ...

    async def taken(self, seq: int, dead_letters: Sequence[DeadLetter] = ()) -> None:
        """Everything up to `seq` is in safe hands, or in these dead letters."""
        ...

    async def lag(self) -> int:
        """About how many events wait for this relay."""
        ...


class EventOutbox(Protocol):
    """Events that commits left."""

    async def publish(self, name: str, payload: bytes, *, correlation_id: str = "") -> str:
        """Commit one event on the system's stream and return its id. Raises StoreUnavailable."""
        ...

    def feed(self, relay: str) -> EventFeed:
        """What the relay of that name has yet to take."""
        ...
