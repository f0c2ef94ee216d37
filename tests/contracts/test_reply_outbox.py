"""What every ReplyOutbox promises: calls in order of commit, each there until it is settled."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.contracts.stores import Stores
from tests.stores.running import Clock
from tests.stores.turns import take_turn
from tests.waiting import DEADLINE
from yabot.domain.commands import MarkInactive
from yabot.errors import StoreUnavailable
from yabot.users.ports import Call, DeadLetter, QueuedCall

pytestmark = pytest.mark.anyio

BODY = '{"text":"¡Hola! 😘"}'.encode()


async def leave(stores: Stores, clock: Clock, number: int, user_id: str = "1") -> list[Call]:
    """One turn that leaves so many calls."""
    calls = [
        Call(stores.users.next_call_id(), f"chat:{n % 2}", "sendMessage", BODY)
        for n in range(number)
    ]
    await take_turn(stores.users, user_id, clock(), calls=tuple(calls))
    return calls


async def left(stores: Stores) -> list[QueuedCall]:
    return list(await stores.replies.read(0, 100))


async def test_calls_come_in_the_order_of_their_commits_and_of_their_turns(
    stores: Stores, clock: Clock
) -> None:
    first = await leave(stores, clock, 3, "2")
    committed_at = clock()
    clock.advance(seconds=1)
    second = await leave(stores, clock, 2, "1")
    rows = await left(stores)
    assert [row.call for row in rows] == first + second
    assert [row.user_id for row in rows] == ["2"] * 3 + ["1"] * 2
    assert [row.created_at for row in rows] == [committed_at] * 3 + [clock()] * 2
    seqs = [row.seq for row in rows]
    assert seqs == sorted(set(seqs))
    assert seqs[0] > 0


async def test_a_reading_begins_beyond_a_place_and_has_a_limit(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, 5)
    rows = await left(stores)
    assert list(await stores.replies.read(0, 2)) == rows[:2]
    assert list(await stores.replies.read(rows[1].seq, 2)) == rows[2:4]
    assert list(await stores.replies.read(rows[4].seq, 2)) == []


async def test_a_sent_call_is_gone_and_those_around_it_stay(stores: Stores, clock: Clock) -> None:
    await leave(stores, clock, 3)
    first, second, third = await left(stores)
    await stores.replies.sent(second, None)
    assert await left(stores) == [first, third]


async def test_the_place_of_a_call_that_is_gone_is_not_given_again(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, 1)
    (first,) = await left(stores)
    await stores.replies.sent(first, None)
    await leave(stores, clock, 1)
    (second,) = await left(stores)
    assert second.seq > first.seq


async def test_a_sent_message_is_known_by_its_real_id(stores: Stores, clock: Clock) -> None:
    calls = await leave(stores, clock, 2)
    first, second = await left(stores)
    assert await stores.replies.real_message_id(-calls[0].id) is None
    await stores.replies.sent(first, 4711)
    await stores.replies.sent(second, None)
    assert await stores.replies.real_message_id(-calls[0].id) == 4711
    assert await stores.replies.real_message_id(-calls[1].id) is None


async def test_a_call_that_is_settled_twice_keeps_its_last_message(
    stores: Stores, clock: Clock
) -> None:
    (call,) = await leave(stores, clock, 1)
    (row,) = await left(stores)
    await stores.replies.sent(row, 1)
    await stores.replies.sent(row, 2)
    assert await stores.replies.real_message_id(-call.id) == 2
    assert await left(stores) == []


async def test_a_refused_call_is_a_dead_letter_and_says_nothing_about_its_user(
    stores: Stores, clock: Clock
) -> None:
    (call,) = await leave(stores, clock, 1)
    (row,) = await left(stores)
    await stores.replies.refused(row, "Bad Request: no text", unreachable=False)
    assert await left(stores) == []
    assert await stores.dead_letters() == [
        DeadLetter(
            "reply",
            f"call:{call.id}",
            "1",
            "Bad Request: no text",
            b'{"lane":"chat:0","method":"sendMessage","params":%s}' % BODY,
        )
    ]
    assert await stores.commands.next_due() is None
    assert await stores.replies.real_message_id(-call.id) is None


async def test_a_user_out_of_reach_has_a_command_to_be_inactive_at_once(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, 1, "2")
    (row,) = await left(stores)
    error = "Forbidden: " + "x" * 500
    await stores.replies.refused(row, error, unreachable=True)
    (due,) = await stores.commands.due(clock(), 0, 10)
    assert (due.user_id, due.command) == ("2", MarkInactive(reason=error[:200]))
    assert [letter.error for letter in await stores.dead_letters()] == [error]


async def test_a_user_out_of_reach_wakes_the_reader_of_commands(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, 1)
    (row,) = await left(stores)
    assert list(await stores.commands.due(clock(), 0, 10)) == []
    await stores.replies.refused(row, "Forbidden", unreachable=True)
    with anyio.fail_after(DEADLINE):
        await stores.commands.changed()


async def test_a_call_that_could_not_be_settled_stays(stores: Stores, clock: Clock) -> None:
    (call,) = await leave(stores, clock, 1)
    (row,) = await left(stores)
    with stores.away():
        with pytest.raises(StoreUnavailable):
            await stores.replies.sent(row, 4711)
        with pytest.raises(StoreUnavailable):
            await stores.replies.refused(row, "Forbidden", unreachable=True)
    assert await left(stores) == [row]
    assert await stores.replies.real_message_id(-call.id) is None
    assert await stores.dead_letters() == []
    assert await stores.commands.next_due() is None


async def test_a_reader_sleeps_until_a_commit_leaves_a_call(stores: Stores, clock: Clock) -> None:
    await leave(stores, clock, 1)
    (row,) = await left(stores)
    await stores.replies.sent(row, None)
    with anyio.move_on_after(0.05) as waited:
        await stores.replies.changed()
    assert waited.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(leave, stores, clock, 1)
        with anyio.fail_after(DEADLINE):
            await stores.replies.changed()
        assert len(await stores.replies.read(row.seq, 10)) == 1


async def test_a_call_that_came_after_the_reading_wakes_a_reader_who_waits_later(
    stores: Stores, clock: Clock
) -> None:
    assert await left(stores) == []
    await leave(stores, clock, 1)
    with anyio.fail_after(DEADLINE):
        await stores.replies.changed()


async def test_a_call_that_comes_during_the_reading_is_read_or_wakes_the_reader(
    stores: Stores, clock: Clock
) -> None:
    for n in range(1, 41):
        left_one = anyio.Event()

        async def leave_one(done: anyio.Event = left_one) -> None:
            await leave(stores, clock, 1)
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(leave_one)
            # In every round the commit ends at another moment of a reading.
            for _ in range(n % 5):
                await checkpoint()
            seen = await left(stores)
            while not left_one.is_set() and n % 2:
                seen = await left(stores)
        with anyio.fail_after(DEADLINE):
            while len(seen) < n:
                await stores.replies.changed()
                seen = await left(stores)
