"""What the bridge to Redis needs from a store, and what it tells of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from yabot.domain.values import Instant, UserId
from yabot.events.ports import QueuedEvent


class Bridged(Protocol):
    """How far the bridge is; `streams` holds last id and `seq` by partition."""

    @property
    def position(self) -> int: ...
    @property
    def streams(self) -> Mapping[int, tuple[str, int]]: ...


class BridgeOutbox(Protocol):
    """The outbox as the bridge sees it, and its memory. All that waits raises StoreUnavailable."""

    async def load(self) -> Bridged:
        """What was remembered last."""
        ...

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events that are kept with `seq > after`, in order."""
        ...

    async def changed(self) -> None:
        """Return when events may have come since the last `read`."""
        ...

    async def move(self, position: int, streams: Mapping[int, tuple[str, int]]) -> None:
        """Remember how far the bridge is, which may be back, and these streams."""
        ...

    async def find(self, user_id: UserId, sequence: int, event_id: str) -> int | None:
        """The `seq` of an event; None for one that is not kept."""
        ...

    async def outrank(self, epoch: int) -> None:
        """Have all events that are kept, and all to come, be of an epoch above this one."""
        ...

    async def oldest(self, after: int) -> Instant | None:
        """When the first event after `after` was committed."""
        ...

    def waiting(self, position: int) -> int:
        """About how many events came after `position`."""
        ...


@dataclass(slots=True)
class Bridging:
    """What all incarnations of the bridge have done, in events.

    `resent` ones were sent before, to a server that lost them; `let_go` ones passed their retention
    before a server took them. Up to `furthest` everything was in its stream once. `oldest` is when
    the first one that waits was committed, None while nothing holds it up; `trouble` is what does.
    """

    sent: int = 0
    resent: int = 0
    let_go: int = 0
    failures: int = 0
    position: int = 0
    furthest: int = 0
    oldest: Instant | None = None
    trouble: str | None = None
