"""BaseEvent: an event as its subscribers get it, whichever way it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from yabot.domain.values import UserId
from yabot.events.ports import QueuedEvent


@dataclass(frozen=True, slots=True)
class BaseEvent:
    """A fact with everything that the commit added to it.

    `(epoch, sequence)` grows without a gap per `user_id`; whoever must act only once remembers the
    last pair, or `event_id`, because an event may come twice.
    """

    event_id: str
    event_type: str
    timestamp: datetime
    correlation_id: str
    user_id: UserId | None = None
    epoch: int = 1
    sequence: int = 0
    payload: Mapping[str, object] = field(default_factory=dict)

    def validate(self) -> bool:
        """Whether the parts without which an event means nothing are there."""
        return all([self.event_id, self.event_type, self.timestamp])

    @classmethod
    def of(cls, queued: QueuedEvent) -> "BaseEvent":
        """The event in a row of the outbox."""
        return cls(
            event_id=queued.event_id,
            event_type=queued.name,
            timestamp=queued.at,
            correlation_id=queued.correlation_id,
            user_id=queued.user_id,
            epoch=queued.epoch,
            sequence=queued.sequence,
            payload=orjson.loads(queued.payload),
        )
