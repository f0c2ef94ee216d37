"""CloudEvent: what leaves this process is an envelope that any reader of CloudEvents knows."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from yabot.events.envelope import SYSTEM, CloudEvent, type_of
from yabot.events.errors import UnreadableEvent
from yabot.stores.database import DatabaseManager

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

EARNED = CloudEvent(
    id="a-1",
    type="yabot.besitos.besitos_added.v1",
    time=NOON,
    subject="7",
    sequence=3,
    epoch=2,
    correlationid="tg:42:9",
    causationid="cmd:5",
    traceparent=TRACE,
    data={"amount": 5},
)

texts = st.text(max_size=20)
events = st.builds(
    CloudEvent,
    id=st.text(min_size=1, max_size=20),
    type=st.sampled_from(["yabot.user.user_deleted.v1", "yabot.external.payment.received.v12"]),
    time=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))])),
    subject=st.none() | st.text(min_size=1, max_size=20),
    source=st.text(min_size=1, max_size=20),
    sequence=st.integers(0, 2**53),
    epoch=st.integers(1, 2**31),
    correlationid=texts,
    causationid=texts,
    traceparent=texts,
    data=st.dictionaries(texts, st.none() | st.booleans() | st.integers(-9, 9) | texts, max_size=3),
)


def envelope(**changes: object) -> bytes:
    """The JSON of an event with some attributes changed; None leaves one out."""
    attributes = {**orjson.loads(EARNED.to_json()), **changes}
    return orjson.dumps({name: value for name, value in attributes.items() if value is not None})


def test_an_envelope_holds_what_a_reader_needs_in_the_names_of_cloudevents() -> None:
    assert orjson.loads(EARNED.to_json()) == {
        "specversion": "1.0",
        "id": "a-1",
        "source": "/yabot",
        "type": "yabot.besitos.besitos_added.v1",
        "time": "2026-03-01T12:00:00.250000Z",
        "datacontenttype": "application/json",
        "subject": "7",
        "sequence": "3",
        "epoch": "2",
        "correlationid": "tg:42:9",
        "causationid": "cmd:5",
        "traceparent": TRACE,
        "data": {"amount": 5},
    }


@given(events)
def test_an_event_survives_its_way_through_json(event: CloudEvent) -> None:
    assert CloudEvent.from_json(event.to_json()) == event


def test_an_attribute_that_is_empty_is_left_out() -> None:
    bare = CloudEvent(id="a-2", type=type_of("x", 1), time=NOON)
    assert set(orjson.loads(bare.to_json())) == {
        "specversion",
        "id",
        "source",
        "type",
        "time",
        "datacontenttype",
        "sequence",
        "epoch",
        "data",
    }


@pytest.mark.anyio
async def test_a_row_of_the_outbox_becomes_an_event_of_its_user(
    db: DatabaseManager, clock: Clock
) -> None:
    causes = {"causation_id": "cmd:5", "traceparent": TRACE}
    turn = (registration("7"), earn(5))
    await take_turn(db.users, "7", clock(), *turn, key="tg:42:9", **causes)
    registered, earned = (CloudEvent.of(row) for row in await db.events.history(0, 10))
    assert (registered.name, registered.version) == ("user_registered", 1)
    assert earned == CloudEvent(
        id=earned.id,
        type="yabot.besitos.besitos_added.v1",
        time=clock(),
        subject="7",
        sequence=2,
        epoch=1,
        correlationid="tg:42:9",
        causationid="cmd:5",
        traceparent=TRACE,
        data={"amount": 5, "balance": 5, "reason": "test"},
    )
    assert earned.id != registered.id


@pytest.mark.anyio
async def test_an_event_of_nobody_has_no_subject(db: DatabaseManager) -> None:
    event_id = await db.events.publish("content_changed", b"{}")
    (row,) = await db.events.history(0, 10)
    event = CloudEvent.of(row)
    assert event.subject is None
    assert event.user_id == SYSTEM
    assert event.type == "yabot.system.content_changed.v1"
    assert event.correlationid == event_id


def test_an_event_from_outside_needs_only_what_cloudevents_need_and_a_time() -> None:
    given = {
        "specversion": "1.0",
        "id": "p-1",
        "source": "https://shop.example/payments",
        "type": "yabot.external.payment.received.v2",
        "time": "2026-03-01T07:00:00.25-05:00",
        "dataschema": "https://shop.example/payment.json",
        "partitionkey": "7",
    }
    event = CloudEvent.from_json(orjson.dumps(given))
    assert (event.name, event.version) == ("payment.received", 2)
    assert event.time == NOON
    assert (event.sequence, event.epoch, event.data) == (0, 1, {})


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", "JSON object"),
        (b"\xff", "JSON object"),
        (b"[]", "not a list"),
        (envelope(specversion="2.0"), "specversion"),
        (envelope(specversion=None), "specversion"),
        (envelope(id=None), "id must be"),
        (envelope(id=""), "id must be"),
        (envelope(id=7), "id must be"),
        (envelope(source=None), "source must be"),
        (envelope(type=None), "type must be"),
        (envelope(type="besitos_added"), "is not yabot"),
        (envelope(type="yabot.besitos.besitos_added.v0"), "is not yabot"),
        (envelope(type="yabot.besitos.besitos_added.v1\n"), "is not yabot"),
        (envelope(time=None), "time must be"),
        (envelope(time="yesterday"), "RFC 3339"),
        (envelope(time="2026-03-01T12:00:00"), "zone"),
        (envelope(subject=7), "subject must be"),
        (envelope(sequence=3), "sequence must be"),
        (envelope(sequence="-3"), "sequence must be"),
        (envelope(sequence="²"), "sequence must be"),
        (envelope(epoch="9" * 5_000), "epoch must be"),
        (envelope(correlationid=["a"]), "correlationid must be"),
        (envelope(data=[1]), "data must be"),
    ],
)
def test_what_is_no_event_is_refused_with_what_is_wrong(body: bytes, wrong: str) -> None:
    with pytest.raises(UnreadableEvent, match=wrong):
        CloudEvent.from_json(body)


@given(st.binary(max_size=60))
def test_no_bytes_do_anything_worse_than_being_refused(body: bytes) -> None:
    with pytest.raises(UnreadableEvent):
        CloudEvent.from_json(body)
