"""Rows that an older release left are read by this one: schema 2 wrote them, this one reads."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests.stores.running import Clock, running
from tests.stores.turns import earn, registration, take_turn
from yabot.domain.commands import MoveBesitos
from yabot.domain.events import EVENTS, DecisionMade, UserInteraction
from yabot.events.base import BaseEvent
from yabot.events.envelope import CloudEvent
from yabot.stores.connections import open_writing
from yabot.stores.migrations import MigrationManager, read_migrations
from yabot.stores.moments import to_micros
from yabot.users import cause

EVENT = """
    INSERT INTO outbox_events
        (event_id, user_id, epoch, name, correlation_id, payload, at, sequence)
    VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7)"""
COMMAND = """
    INSERT INTO outbox_commands (user_id, due_at, command, unique_key, created_at)
    VALUES (?, ?, ?, ?, ?)"""
LETTER = """
    INSERT INTO dead_letters (kind, key, user_id, error, body, at)
    VALUES ('event', 'g:old-2', ?, 'g: ValueError: not today', ?, ?)"""

CHOSEN = {"fragment": "start", "choice": "on", "next_fragment": "plaza"}


def letter(clock: Clock, user_id: str, name: str, payload: object) -> bytes:
    """An event in the envelope of then."""
    event = {
        "event_id": "old-2",
        "event_type": name,
        "timestamp": clock(),
        "correlation_id": "tg:1:2",
        "user_id": user_id,
        "epoch": 1,
        "sequence": 2,
        "payload": payload,
    }
    return orjson.dumps(event)


async def written_by_schema_two(path: Path, clock: Clock) -> None:
    """A database as the release before left it: two events and a command that still wait.

    One of the events lies in the dead letters too, as does another one that is nobody's.
    """
    connection = await open_writing(path)
    await MigrationManager(connection, read_migrations()[:2]).migrate()
    await connection.close()
    at = to_micros(clock())
    opened = ("old-1", "7", "user_interaction", "tg:1:1", '{"action":"menu:shop"}', at, 1)
    decided = ("old-2", "7", "decision_made", "tg:1:2", orjson.dumps(CHOSEN).decode(), at, 2)
    gift = '{"kind":"move_besitos","amount":5,"reason":"gift"}'
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(EVENT, opened)
        database.execute(EVENT, decided)
        database.execute(COMMAND, ("7", at, gift, "gift:1", at))
        for user_id, name, data in (("7", "decision_made", CHOSEN), ("system", "moon_landed", {})):
            database.execute(LETTER, (user_id, letter(clock, user_id, name, data).decode(), at))


@pytest.mark.anyio
async def test_events_of_an_older_schema_are_replayed_before_the_new_ones(
    path: Path, clock: Clock
) -> None:
    await written_by_schema_two(path, clock)
    async with running(path, clock) as db:
        commit = {"key": "tg:1:3", "causation_id": "tg:1:3", "traceparent": "00-a-b-01"}
        await take_turn(db.users, "7", clock(), registration("7"), **commit)
        rows = await db.events.feed("late").read(0, 10)
    opened, decided, registered = map(BaseEvent.of, rows)
    assert opened.fact == UserInteraction(action="menu:shop", context={})
    assert decided.fact == DecisionMade(
        fragment="start", choice="on", next_fragment="plaza", context={}
    )
    assert (opened.correlation_id, opened.causation_id, opened.traceparent) == ("tg:1:1", "", "")
    assert [event.sequence for event in (opened, decided, registered)] == [1, 2, 3]
    assert (registered.causation_id, registered.traceparent) == ("tg:1:3", "00-a-b-01")
    for row in rows:
        event = CloudEvent.of(row)
        assert CloudEvent.from_json(event.to_json()) == event


@pytest.mark.anyio
async def test_a_command_of_an_older_schema_is_delivered_and_begins_a_chain(
    path: Path, clock: Clock
) -> None:
    await written_by_schema_two(path, clock)
    async with running(path, clock) as db:
        (due,) = await db.commands.due(clock(), 0, 10)
    assert due.command == MoveBesitos(amount=5, reason="gift")
    assert (due.correlation_id, due.traceparent) == ("", "")
    assert cause.of_job(due) == cause.first("cmd:1")


@pytest.mark.anyio
async def test_events_that_an_older_release_set_aside_can_be_replayed(
    path: Path, clock: Clock
) -> None:
    await written_by_schema_two(path, clock)
    async with running(path, clock) as db:
        bodies = {kept.letter.user_id: kept.letter.body for kept in await db.dead_letters.page()}
    assert CloudEvent.from_json(bodies["7"]) == CloudEvent(
        id="old-2",
        type="yabot.narrative.decision_made.v1",
        time=clock(),
        subject="7",
        sequence=2,
        correlationid="tg:1:2",
        data=CHOSEN,
    )
    landed = CloudEvent.from_json(bodies["system"])
    assert (landed.type, landed.subject) == ("yabot.system.moon_landed.v1", None)


def test_every_event_of_then_is_given_its_aggregate() -> None:
    (causes,) = (each for each in read_migrations() if each.number == 3)
    then = [name for name, model in EVENTS.items() if f"'{name}'" in causes.script]
    assert len(then) == 15
    for name in then:
        after = causes.script.split(f"'{name}'")[1]
        assert re.findall(r"THEN '(\w+)'", after)[0] == EVENTS[name].aggregate


@pytest.mark.anyio
async def test_an_event_keeps_the_version_in_which_it_was_written(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await take_turn(db.users, "7", clock(), registration("7"), earn(5))
        await db.events.publish("moon_landed", b"{}", version=4)
        versions = [row.version for row in await db.events.history(0, 10)]
    assert versions == [1, 1, 4]
