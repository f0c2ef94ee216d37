"""Rows that an older release left are read by this one: schema 2 wrote them, this one reads."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.stores.running import Clock, running
from tests.stores.turns import earn, registration, take_turn
from yabot.domain.commands import MoveBesitos
from yabot.domain.events import DecisionMade, UserInteraction
from yabot.events.base import BaseEvent
from yabot.events.envelope import CloudEvent
from yabot.stores.connections import open_writing
from yabot.stores.migrations import MigrationManager, read_migrations
from yabot.stores.moments import to_micros
from yabot.users import cause

pytestmark = pytest.mark.anyio

EVENT = """
    INSERT INTO outbox_events
        (event_id, user_id, epoch, name, correlation_id, payload, at, sequence)
    VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7)"""
COMMAND = """
    INSERT INTO outbox_commands (user_id, due_at, command, unique_key, created_at)
    VALUES (?, ?, ?, ?, ?)"""


async def written_by_schema_two(path: Path, clock: Clock) -> None:
    """A database as the release before left it: two events and a command that are still waiting."""
    connection = await open_writing(path)
    await MigrationManager(connection, read_migrations()[:2]).migrate()
    await connection.close()
    at = to_micros(clock())
    opened = ("old-1", "7", "user_interaction", "tg:1:1", '{"action":"menu:shop"}', at, 1)
    chosen = '{"fragment":"start","choice":"on","next_fragment":"plaza"}'
    decided = ("old-2", "7", "decision_made", "tg:1:2", chosen, at, 2)
    gift = '{"kind":"move_besitos","amount":5,"reason":"gift"}'
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(EVENT, opened)
        database.execute(EVENT, decided)
        database.execute(COMMAND, ("7", at, gift, "gift:1", at))


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


async def test_a_command_of_an_older_schema_is_delivered_and_begins_a_chain(
    path: Path, clock: Clock
) -> None:
    await written_by_schema_two(path, clock)
    async with running(path, clock) as db:
        (due,) = await db.commands.due(clock(), 0, 10)
    assert due.command == MoveBesitos(amount=5, reason="gift")
    assert (due.correlation_id, due.traceparent) == ("", "")
    assert cause.of_job(due) == cause.first("cmd:1")


async def test_an_event_keeps_the_version_in_which_it_was_written(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await take_turn(db.users, "7", clock(), registration("7"), earn(5))
        await db.events.publish("moon_landed", b"{}", version=4)
        versions = [row.version for row in await db.events.history(0, 10)]
    assert versions == [1, 1, 4]
