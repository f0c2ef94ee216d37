"""What the event bus needs from a store, as Protocols on the consumer's side."""

from collections.abc import Sequence
from typing import Protocol

from yabot.domain.events import Fact
from yabot.domain.values import Instant, UserId
from yabot.users.ports import DeadLetter


class QueuedEvent(Protocol):
    """An event as it was committed. `payload` is a JSON object in the shape of `version`."""

    @property
    def seq(self) -> int: ...
    @property
    def event_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def user_id(self) -> UserId: ...
    @property
    def epoch(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def causation_id(self) -> str: ...
    @property
    def traceparent(self) -> str: ...
    @property
    def at(self) -> Instant: ...
    @property
    def payload(self) -> bytes: ...


class ReturnedEvent(Protocol):
    """A dead letter that is to be tried again. `body` is the event's envelope."""

    @property
    def id(self) -> int: ...
    @property
    def body(self) -> bytes: ...


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

    async def attempts(self) -> int:
        """How many deaths of the process the next event may have caused.

        A relay is known from its first call on, wherever it is. Raises StoreUnavailable.
        """
        ...

    async def stamp(self) -> None:
        """Count one more attempt at the next event, durably, before it is handled alone."""
        ...

    async def missed(self) -> tuple[int, int] | None:
        """The first and last `seq` of what was pruned before this relay took it; told once.

        Raises StoreUnavailable.
        """
        ...

    async def returned(self) -> Sequence[ReturnedEvent]:
        """Dead letters of this relay that are to be tried again, oldest first, a page at a time.

        Raises StoreUnavailable.
        """
        ...

    async def tried(self, letter_id: int, error: str | None) -> None:
        """Forget a letter whose event was taken now, or keep it with its new error."""
        ...


class EventOutbox(Protocol):
    """Events that commits left."""

    async def publish(
        self,
        name: str,
        payload: bytes,
        *,
        version: int = 1,
        correlation_id: str = "",
        causation_id: str = "",
        traceparent: str = "",
    ) -> str:
        """Commit one event on the system's stream and return its id.

        Raises StoreUnavailable: then nothing was written.
        """
        ...

    def feed(self, relay: str) -> EventFeed:
        """What the relay of that name has yet to take."""
        ...


class OpenTurn(Protocol):
    """The turn that somebody publishes from: its commit takes the event along."""

    @property
    def closed(self) -> bool: ...

    def emit(self, event: Fact) -> None:
        """Leave a fact for the turn's commit."""
        ...
