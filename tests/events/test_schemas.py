"""Schemas: what older and newer releases wrote is read, parked or passed over, never misread."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from tests.events.conftest import Serve
from tests.events.subscribers import Subscriber
from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from tests.waiting import until
from yabot.domain.events import (
    EVENTS,
    Announcement,
    BesitosAdded,
    Event,
    ReactionDetected,
    UserInteraction,
)
from yabot.domain.values import Value
from yabot.events.base import BaseEvent, ReactionDetectedEvent, UserInteractionEvent
from yabot.events.bus import EventBus
from yabot.events.delivery import EVERY_EVENT
from yabot.events.envelope import CloudEvent, type_of
from yabot.events.errors import InvalidEvent, NewerVersion
from yabot.events.schemas import SCHEMAS, UPCASTS, Schemas
from yabot.stores.database import DatabaseManager

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Paid(Event):
    """A payment in its third shape: cents, then an amount with its currency, then a payer too."""

    name: ClassVar[str] = "paid"
    aggregate: ClassVar[str] = "purse"
    version: ClassVar[int] = 3
    amount: int
    currency: str
    payer: str


def with_currency(old: Mapping[str, object]) -> Mapping[str, object]:
    return {"amount": old["cents"], "currency": "EUR"}


def with_payer(old: Mapping[str, object]) -> Mapping[str, object]:
    return {**old, "payer": "unknown"}


PAYMENTS = Schemas({"paid": Paid}, {("paid", 1): with_currency, ("paid", 2): with_payer})


def cloud_event(name: str, version: int, data: Mapping[str, object]) -> CloudEvent:
    return CloudEvent(id="a-1", type=type_of(name, version), time=NOON, subject="7", data=data)


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"cents": 5}),
        (2, {"amount": 5, "currency": "EUR"}),
        (3, {"amount": 5, "currency": "EUR", "payer": "unknown"}),
    ],
)
def test_an_older_shape_goes_up_step_by_step(version: int, data: Mapping[str, object]) -> None:
    current = PAYMENTS.upcast("paid", version, data)
    assert PAYMENTS.fact("paid", current) == Paid(amount=5, currency="EUR", payer="unknown")


def test_a_shape_that_nothing_leads_up_from_is_noticed_when_the_program_starts() -> None:
    with pytest.raises(ValueError, match="paid v2"):
        Schemas({"paid": Paid}, {("paid", 1): with_currency})


def test_every_step_belongs_to_an_event_that_has_moved_on() -> None:
    assert all(version < EVENTS[name].version for name, version in UPCASTS)


def test_a_newer_version_is_refused_by_name() -> None:
    with pytest.raises(NewerVersion, match="besitos_added is of version 9"):
        BaseEvent.of(cloud_event("besitos_added", 9, {"sum": "5"}))


def test_a_name_that_nobody_knows_passes_as_it_is() -> None:
    unknown = cloud_event("moon_landed", 4, {"crew": [1, 2]})
    assert BaseEvent.of(unknown).fact is None
    assert BaseEvent.of(unknown).payload == {"crew": [1, 2]}


def test_a_field_that_a_newer_release_has_added_is_passed_over() -> None:
    data = {"amount": 5, "balance": 5, "reason": "gift", "sender": "8"}
    event = cloud_event("besitos_added", 1, data)
    assert BaseEvent.of(event).fact == BesitosAdded(amount=5, balance=5, reason="gift")
    assert BaseEvent.of(event).payload == data


def test_data_that_is_not_what_its_name_promises_is_refused_with_its_fields() -> None:
    with pytest.raises(InvalidEvent, match=r"besitos_added v1: .*reason"):
        assert BaseEvent.of(cloud_event("besitos_added", 1, {"amount": 5, "balance": 5})).fact


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_named_well_and_flat_enough_to_be_read_by_older_releases(name: str) -> None:
    model = EVENTS[name]
    assert type_of(name, model.version) == f"yabot.{model.aggregate}.{name}.v{model.version}"
    assert cloud_event(name, model.version, {}).name == name
    nested = [
        field
        for field, info in model.model_fields.items()
        if isinstance(info.annotation, type) and issubclass(info.annotation, Value)
    ]
    assert not nested, "a model inside an event refuses what a newer release adds to it"


def test_interactions_and_reactions_have_names_for_their_own_fields() -> None:
    opened = UserInteraction(action="menu:shop", context={"menu": "main_menu"})
    interaction = BaseEvent.of(cloud_event("user_interaction", 1, opened.model_dump()))
    assert isinstance(interaction, UserInteractionEvent)
    assert (interaction.action, interaction.context) == ("menu:shop", {"menu": "main_menu"})
    assert interaction.fact == opened
    liked = ReactionDetected(content_id="faro", reaction_type="heart", metadata={"n": 1})
    reaction = BaseEvent.of(cloud_event("reaction_detected", 1, liked.model_dump()))
    assert isinstance(reaction, ReactionDetectedEvent)
    assert (reaction.content_id, reaction.reaction_type) == ("faro", "heart")
    assert reaction.metadata == {"n": 1}
    assert reaction.validate()


@pytest.mark.anyio
async def test_events_come_back_from_the_outbox_as_their_models(
    db: DatabaseManager, clock: Clock
) -> None:
    await take_turn(db.users, "7", clock(), registration("7"), earn(5))
    registered, earned = (BaseEvent.of(row) for row in await db.events.history(0, 10))
    assert registered.fact == SCHEMAS.fact("user_registered", registered.payload)
    assert earned.fact == BesitosAdded(amount=5, balance=5, reason="test")
    rows = await db.events.history(0, 10)
    assert [BaseEvent.of(CloudEvent.of(row)) for row in rows] == [registered, earned]


@pytest.mark.anyio
async def test_an_event_that_can_not_be_read_yet_is_parked_whole_and_the_next_one_comes(
    bus: EventBus, serve: Serve, db: DatabaseManager, clock: Clock
) -> None:
    subscriber = Subscriber()
    bus.subscribe(EVERY_EVENT, subscriber, group="g")
    serve("g")
    newer = Announcement("besitos_added", b'{"sum":"5"}', version=2)
    broken = Announcement("reaction_detected", b'{"content_id":7}')
    leaves = {"events": (newer, broken)}
    await take_turn(db.users, "7", clock(), registration("7"), earn(5), **leaves)
    await bus.publish("x", {"n": 1})
    await until(lambda: len(subscriber.got) == 3)
    assert [event.event_type for event in subscriber.got] == [
        "user_registered",
        "besitos_added",
        "x",
    ]

    async def set_aside() -> bool:
        return await db.dead_letters.count() == 2

    await until(set_aside)
    letters = [kept.letter for kept in await db.dead_letters.page()]
    errors = {CloudEvent.from_json(each.body).version: each.error for each in letters}
    assert "NewerVersion" in errors[2]
    assert "InvalidEvent" in errors[1]
