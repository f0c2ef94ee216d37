"""Routes of events: those that are kept, page by page, and those that other services tell of.

An event that is told takes effect once: its id is the caller's Idempotency-Key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import Field, JsonValue, ValidationError, WithJsonSchema

from yabot.api import cursor as cursors
from yabot.api.paging import PageAsked
from yabot.api.problems import Problem, faults
from yabot.api.route import REPLAYED, UNKNOWN_USER, AnyRoute, Asked, Input, Output, Reply, Route
from yabot.api.scopes import PUBLISH_EVENTS
from yabot.domain.decision import Rejected
from yabot.domain.external import EXTERNAL
from yabot.domain.values import Instant
from yabot.services.external import ExternalEvents

EVENTS = "/api/v1/events"

EventType = Annotated[
    str,
    Field(max_length=128),
    WithJsonSchema({"type": "string", "enum": sorted(EXTERNAL)}),
]
EventData = Annotated[
    Mapping[str, JsonValue],
    WithJsonSchema({"anyOf": [model.model_json_schema() for model in EXTERNAL.values()]}),
]


class EventTold(Input):
    """What happened elsewhere, and to which user: `data` is in the shape of its `type`."""

    type: EventType
    subject: Annotated[str, Field(pattern="^[1-9][0-9]{0,18}$")]
    data: EventData


class EventTaken(Output):
    """The event has taken effect; `id` is its id from now on."""

    id: str
    type: str
    subject: str


class EventView(Output):
    """An event of the bot as a CloudEvent 1.0; an attribute that it does not have is null.

    `(epoch, sequence)` grows without a gap per subject.
    """

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: Instant
    datacontenttype: Literal["application/json"]
    sequence: str
    epoch: str
    subject: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    data: Mapping[str, JsonValue]


class EventPage(Output):
    """Events in the order of their commits. `next` asks for the page after this one."""

    items: Sequence[EventView]
    next: str | None


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event at its place in the order of commits; `envelope` is the JSON of its CloudEvent."""

    position: int
    envelope: bytes


class History(Protocol):
    """The events that are kept; `app.py` provides it."""

    async def page(self, after: int, limit: int) -> Sequence[KeptEvent]:
        """At most `limit` events with `position > after`, in order. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """An event as the service takes it; the id names the client who tells it as well."""

    id: str
    type: str
    subject: str
    data: Mapping[str, object]
    source: str = "/yabot/api"


class EventRoutes:
    """Events over their history and the ExternalEvents."""

    def __init__(self, history: History, external: ExternalEvents) -> None:
        self._history = history
        self._external = external

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", EVENTS, "list_events", "The events that are kept, oldest first",
                  PageAsked, EventPage, self.list_events, errors=((400, "cursor_invalid"),)),
            Route("POST", EVENTS, "publish_event", "Tell what happened elsewhere, once",
                  EventTold, EventTaken, self.publish, scope=PUBLISH_EVENTS,
                  idempotency="required",
                  errors=(UNKNOWN_USER, (409, "purse_full"), (422, "end_date_past"),
                          (422, "event_type_unknown"), (422, "event_data_invalid"))),
        )  # fmt: skip

    async def list_events(self, asked: Asked[PageAsked]) -> Reply:
        """A page of events."""
        page = asked.input
        kept = await self._history.page(page.position(EVENTS, 0), page.limit + 1)
        shown = [EventView.model_validate_json(event.envelope) for event in kept[: page.limit]]
        if len(kept) <= page.limit:
            return Reply(EventPage(items=shown, next=None))
        after = cursors.encode(EVENTS, kept[page.limit - 1].position)
        return Reply(EventPage(items=shown, next=after), headers=page.link(EVENTS, after))

    async def publish(self, asked: Asked[EventTold]) -> Reply | Rejected:
        """Hand an event to its user, once per key."""
        told = asked.input
        _check(told)
        key = asked.once.key if asked.once is not None else ""
        event = Told(key, told.type, told.subject, told.data)
        outcome = await self._external.accept(event)
        if isinstance(outcome, Rejected):
            return outcome
        headers = REPLAYED if outcome.replayed else {}
        return Reply(
            EventTaken(id=event.id, type=event.type, subject=event.subject), headers=headers
        )


def _check(told: EventTold) -> None:
    """Point at what does not fit the type, where it is known. Raises Problem."""
    model = EXTERNAL.get(told.type)
    try:
        if model is not None:
            model.model_validate(told.data)
    except ValidationError as error:
        raise Problem("event_data_invalid", errors=faults(error, "data")) from error
