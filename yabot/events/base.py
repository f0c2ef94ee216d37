"""BaseEvent: an event as its subscribers get it, whichever way it came.

The rule: its payload has the shape of this release, whatever release wrote it. An event whose
handlers look at fields of its own in every line has a class here that gives them names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import JsonValue

from yabot.domain.events import Event, ReactionDetected, UserInteraction
from yabot.domain.values import UserId
from yabot.events.envelope import CloudEvent
from yabot.events.ports import QueuedEvent
from yabot.events.schemas import SCHEMAS


@dataclass(frozen=True, slots=True)
class BaseEvent:
    """A fact with everything that the commit added to it.

    `(epoch, sequence)` grows without a gap per `user_id`, which is `system` for nobody's events;
    whoever must act only once remembers the last pair, or `event_id`, because an event may come
    twice. `causation_id` is the key of the message that made it, `correlation_id` that of the first
    message of the chain. `fact` is the payload as its model, None where its name has none.
    """

    event_id: str
    event_type: str
    timestamp: datetime
    correlation_id: str
    user_id: UserId | None = None
    epoch: int = 1
    sequence: int = 0
    payload: Mapping[str, object] = field(default_factory=dict)
    causation_id: str = ""
    traceparent: str = ""
    fact: Event | None = None

    def validate(self) -> bool:
        """Whether the parts without which an event means nothing are there."""
        return all([self.event_id, self.event_type, self.timestamp])

    @staticmethod
    def of(source: CloudEvent | QueuedEvent) -> "BaseEvent":
        """The event in an envelope, or in a row of the outbox.

        Raises NewerVersion, and InvalidEvent where the data is not what the name promises.
        """
        event = source if isinstance(source, CloudEvent) else CloudEvent.of(source)
        payload = SCHEMAS.upcast(event.name, event.version, event.data)
        fact = SCHEMAS.fact(event.name, payload)
        common = (
            event.id,
            event.name,
            event.time,
            event.correlationid,
            event.user_id,
            event.epoch,
            event.sequence,
            payload,
            event.causationid,
            event.traceparent,
            fact,
        )
        match fact:
            case UserInteraction():
                return UserInteractionEvent(*common, fact.action, fact.context)
            case ReactionDetected():
                own = (fact.content_id, fact.reaction_type, fact.metadata)
                return ReactionDetectedEvent(*common, *own)
            case _:
                return BaseEvent(*common)


@dataclass(frozen=True, slots=True)
class UserInteractionEvent(BaseEvent):
    """The user opened something: `action` says what, `context` from where."""

    action: str = ""
    context: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReactionDetectedEvent(BaseEvent):
    """The user reacted to `content_id`; `metadata` says what else is known of the moment."""

    content_id: str = ""
    reaction_type: str = ""
    metadata: Mapping[str, JsonValue] = field(default_factory=dict)
