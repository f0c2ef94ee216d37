"""The outboxes of replies and commands: filled by commits, emptied by relays."""

from datetime import timedelta
from pathlib import Path

import anyio
import orjson
import pytest

from tests.stores.running import Clock, query, running
from tests.stores.turns import commit_of, earn, registration, take_turn
from yabot.domain.commands import MarkInactive
from yabot.domain.decision import DurableCommand
from yabot.errors import AlreadyProcessed
from yabot.stores.database import DatabaseManager
from yabot.stores.moments import from_micros, to_micros
from yabot.users.ports import Answer, Call, QueuedCall

pytestmark = pytest.mark.anyio


async def leave_calls(db: DatabaseManager, clock: Clock, number: int) -> list[Call]:
    """One turn that leaves so many calls."""
    body = '{"text":"¡Hola! 😘"}'.encode()
    calls = [
        Call(db.users.next_call_id(), f"chat:{n % 2}", "sendMessage", body) for n in range(number)
    ]
    await take_turn(db.users, "1", clock(), registration("1"), calls=tuple(calls))
    return calls


async def test_replies_come_in_the_order_of_their_commits(
    db: DatabaseManager, clock: Clock
) -> None:
    calls = await leave_calls(db, clock, 5)
    assert await db.replies.waiting() == 5
    rows = await db.replies.read(0, 3)
    assert [row.call for row in rows] == calls[:3]
    assert {row.created_at for row in rows} == {clock()}
    assert {row.user_id for row in rows} == {"1"}
    assert [row.call for row in await db.replies.read(rows[-1].seq, 10)] == calls[3:]


async def test_a_refused_reply_is_a_dead_letter(db: DatabaseManager, clock: Clock) -> None:
    await leave_calls(db, clock, 1)
    (row,) = await db.replies.read(0, 10)
    await db.replies.refused(row, "Bad Request: chat not found", unreachable=False)
    (letter,) = await db.dead_letters.page()
    assert letter.letter.kind == "reply"
    assert letter.letter.error == "Bad Request: chat not found"
    told = {"lane": row.call.lane, "method": row.call.method}
    assert orjson.loads(letter.letter.body) == {**told, "params": orjson.loads(row.call.params)}
    assert await db.replies.read(0, 10) == []
    assert await db.commands.next_due() is None


async def test_an_unreachable_user_is_told_to_be_inactive(
    db: DatabaseManager, clock: Clock
) -> None:
    await leave_calls(db, clock, 1)
    (row,) = await db.replies.read(0, 10)
    await db.replies.refused(row, "Forbidden: " + "x" * 500, unreachable=True)
    (due,) = await db.commands.due(clock(), 0, 10)
    assert due.user_id == "1"
    assert isinstance(due.command, MarkInactive)


async def test_a_reader_is_woken_by_a_commit_and_not_by_its_own_reading(
    db: DatabaseManager, clock: Clock
) -> None:
    assert await db.replies.read(0, 10) == []
    with anyio.move_on_after(0.05) as early:
        await db.replies.changed()
    assert early.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(leave_calls, db, clock, 1)
        with anyio.fail_after(15):
            await db.replies.changed()
    assert len(await db.replies.read(0, 10)) == 1


async def test_a_row_that_came_during_the_reading_is_heard(
    db: DatabaseManager, clock: Clock
) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(leave_calls, db, clock, 1)
        group.start_soon(db.replies.read, 0, 10)
    rows: list[QueuedCall] = []
    with anyio.fail_after(15):
        while not rows:
            await db.replies.changed()
            rows = list(await db.replies.read(0, 10))


async def test_the_commit_of_a_command_removes_its_row_and_works_once(
    db: DatabaseManager, clock: Clock
) -> None:
    gift = DurableCommand("1", clock(), earn(5), "gift:1")
    stored = await take_turn(db.users, "1", clock(), registration("1"), commands=(gift,))
    (due,) = await db.commands.due(clock(), 0, 10)
    settled = {"key": due.key, "command_id": due.id}
    commit = commit_of(stored, "1", clock(), due.command, **settled, answer=Answer("", b"{}"))
    await db.users.commit(commit)
    assert await db.commands.due(clock(), 0, 10) == []
    assert await db.commands.next_due() is None
    assert await db.users.answer(due.key) == Answer("", b"{}")
    with pytest.raises(AlreadyProcessed):
        await take_turn(db.users, "1", clock(), due.command, **settled)


async def test_ids_of_commands_never_come_twice(path: Path, clock: Clock) -> None:
    seen = []
    for n in range(3):
        async with running(path, clock) as db:
            gift = DurableCommand("1", clock(), earn(5), f"gift:{n}")
            await take_turn(db.users, "1", clock(), registration("1"), commands=(gift,))
            (due,) = await db.commands.due(clock(), 0, 10)
            seen.append(due.id)
            await take_turn(db.users, "1", clock(), key=due.key, command_id=due.id)
    assert len(set(seen)) == 3


async def test_a_command_that_this_version_can_not_read_holds_up_nobody(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    gifts = tuple(DurableCommand("1", clock(), earn(n), f"gift:{n}") for n in (1, 2, 3))
    await take_turn(db.users, "1", clock(), registration("1"), commands=gifts)
    connection = await db.writer.connection()
    await connection.execute(
        """UPDATE outbox_commands SET command = '{"kind":"unknown"}' WHERE unique_key <> 'gift:3'"""
    )
    await connection.commit()
    (due,) = await db.commands.due(clock(), 0, 1)
    assert due.unique_key == "gift:3"
    assert [letter.letter.kind for letter in await db.dead_letters.page()] == ["command"] * 2
    assert query(path, "SELECT unique_key FROM outbox_commands") == [("gift:3",)]


def test_moments_are_exact(clock: Clock) -> None:
    moment = clock() + timedelta(microseconds=1)
    assert from_micros(to_micros(moment)) == moment
    assert to_micros(moment) - to_micros(clock()) == 1
