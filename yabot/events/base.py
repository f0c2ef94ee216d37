"""BaseEvent: an event as its subscribers get it, whichever way it came.

The rule: its payload has the shape of this release, whatever release wrote it. An event whose
handlers look at fields of its own in every line has a class here that gives them names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import orjson
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
    message of the chain.
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

    def validate(self) -> bool:
        """Whether the parts without which an event means nothing are there."""
        return all([self.event_id, self.event_type, self.timestamp])

    @property
    def fact(self) -> Event | None:
        """The payload as its model; None where its name has none. Raises InvalidEvent."""
        return SCHEMAS.fact(self.event_type, self.payload)

    @staticmethod
    def of(source: CloudEvent | QueuedEvent) -> "BaseEvent":
        """The event in an envelope, or in a row of the outbox.

        Raises NewerVersion, and InvalidEvent where fields are wrong that its class names.
        """
        common = _of_envelope(source) if isinstance(source, CloudEvent) else _of_row(source)
        name, payload = common[1], common[7]
        match SCHEMAS.fact(name, payload) if name in NAMED else None:
            case UserInteraction() as fact:
                return UserInteractionEvent(*common, fact.action, fact.context)
            case ReactionDetected() as fact:
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


NAMED = frozenset({UserInteraction.name, ReactionDetected.name})
"""Events that have a class here."""

Common: TypeAlias = tuple[str, str, datetime, str, UserId, int, int, Mapping[str, object], str, str]
"""The fields of a BaseEvent, in order."""


def _of_envelope(event: CloudEvent) -> Common:
    name = event.name
    return (
        event.id,
        name,
        event.time,
        event.correlationid,
        event.user_id,
        event.epoch,
        event.sequence,
        SCHEMAS.upcast(name, event.version, event.data),
        event.causationid,
        event.traceparent,
    )


def _of_row(row: QueuedEvent) -> Common:
    return (
        row.event_id,
        row.name,
        row.at,
        row.correlation_id,
        row.user_id,
        row.epoch,
        row.sequence,
        SCHEMAS.upcast(row.name, row.version, orjson.loads(row.payload)),
        row.causation_id,
        row.traceparent,
    )
