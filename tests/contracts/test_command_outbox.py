"""What every CommandOutbox promises: a command at its time, there until its turn is committed."""

from datetime import timedelta

import anyio
import pytest
from anyio.lowlevel import checkpoint

from tests.contracts.stores import Stores
from tests.stores.running import Clock
from tests.stores.turns import commit_of, earn, registration, take_turn
from tests.waiting import DEADLINE
from yabot.domain.decision import DurableCommand
from yabot.errors import StaleVersion
from yabot.users.ports import DueCommand, Stored

pytestmark = pytest.mark.anyio


def gift(clock: Clock, name: str, amount: int = 5, **later: float) -> DurableCommand:
    """A gift for user 2; `later` is how long from now, as of `timedelta`."""
    return DurableCommand("2", clock() + timedelta(**later), earn(amount), name)


async def leave(stores: Stores, clock: Clock, *commands: DurableCommand) -> None:
    """A turn of user 1 that leaves commands."""
    await take_turn(stores.users, "1", clock(), commands=commands)


async def receive(stores: Stores, clock: Clock, due: DueCommand, *commands: DurableCommand) -> None:
    """The turn of a command, which may leave others."""
    marks = {"key": due.key, "command_id": due.id}
    await take_turn(stores.users, due.user_id, clock(), commands=commands, **marks)


async def due_now(stores: Stores, clock: Clock) -> list[DueCommand]:
    return list(await stores.commands.due(clock(), 0, 100))


async def names(stores: Stores, clock: Clock) -> list[str]:
    return [due.unique_key for due in await due_now(stores, clock)]


async def test_a_command_comes_at_its_time_and_not_a_microsecond_before(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, gift(clock, "a", days=30, microseconds=1))
    clock.advance(days=30)
    assert await due_now(stores, clock) == []
    clock.advance(microseconds=1)
    (due,) = await due_now(stores, clock)
    assert (due.user_id, due.command, due.unique_key) == ("2", earn(5), "a")


async def test_due_commands_come_by_id_whatever_their_time(stores: Stores, clock: Clock) -> None:
    await leave(stores, clock, gift(clock, "a", hours=2), gift(clock, "b", hours=3))
    await leave(stores, clock, gift(clock, "c", hours=1), gift(clock, "d", days=1))
    clock.advance(hours=4)
    due = await due_now(stores, clock)
    assert [command.unique_key for command in due] == ["a", "b", "c"]
    assert [command.id for command in due] == sorted(command.id for command in due)


async def test_a_reading_begins_beyond_an_id_and_has_a_limit(stores: Stores, clock: Clock) -> None:
    await leave(stores, clock, *(gift(clock, str(n)) for n in range(5)))
    due = await due_now(stores, clock)
    assert list(await stores.commands.due(clock(), 0, 2)) == due[:2]
    assert list(await stores.commands.due(clock(), due[1].id, 2)) == due[2:4]
    assert list(await stores.commands.due(clock(), due[4].id, 2)) == []


async def test_the_next_time_is_that_of_the_earliest_command(stores: Stores, clock: Clock) -> None:
    assert await stores.commands.next_due() is None
    later, sooner = gift(clock, "a", hours=2), gift(clock, "b", hours=1)
    await leave(stores, clock, later, sooner)
    assert await stores.commands.next_due() == sooner.due_at
    clock.advance(days=1)
    assert await stores.commands.next_due() == sooner.due_at
    await receive(stores, clock, (await due_now(stores, clock))[1])
    assert await stores.commands.next_due() == later.due_at


async def test_a_command_stays_until_the_turn_that_received_it_is_committed(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, gift(clock, "a"), gift(clock, "b"))
    first, second = await due_now(stores, clock)
    assert await due_now(stores, clock) == [first, second]
    await receive(stores, clock, first)
    assert await due_now(stores, clock) == [second]
    await receive(stores, clock, second)
    assert await stores.commands.next_due() is None


async def test_a_command_whose_turn_was_refused_stays(stores: Stores, clock: Clock) -> None:
    await leave(stores, clock, gift(clock, "a"))
    (due,) = await due_now(stores, clock)
    await take_turn(stores.users, "2", clock(), registration("2"))
    marks = {"key": due.key, "command_id": due.id}
    stale = commit_of(Stored(None, 0), "2", clock(), registration("2"), **marks)
    with pytest.raises(StaleVersion):
        await stores.users.commit(stale)
    assert await stores.users.answer(due.key) is None
    assert await due_now(stores, clock) == [due]


async def test_a_key_is_left_once_while_it_waits_and_keeps_its_first_command(
    stores: Stores, clock: Clock
) -> None:
    first = gift(clock, "a", amount=5, hours=2)
    await leave(stores, clock, first, gift(clock, "a", amount=6, hours=1))
    await leave(stores, clock, gift(clock, "a", amount=7), gift(clock, "b", hours=3))
    assert await stores.commands.next_due() == first.due_at
    clock.advance(hours=2)
    assert [due.command for due in await due_now(stores, clock)] == [earn(5)]
    clock.advance(hours=1)
    assert await names(stores, clock) == ["a", "b"]


async def test_a_key_is_free_again_once_its_command_was_received(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, gift(clock, "a"))
    (first,) = await due_now(stores, clock)
    await receive(stores, clock, first)
    await leave(stores, clock, gift(clock, "a"))
    (second,) = await due_now(stores, clock)
    assert second.id > first.id


async def test_the_turn_of_a_command_may_leave_its_successor_under_the_same_key(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, gift(clock, "daily"))
    (first,) = await due_now(stores, clock)
    tomorrow = gift(clock, "daily", days=1)
    await receive(stores, clock, first, tomorrow)
    assert await due_now(stores, clock) == []
    assert await stores.commands.next_due() == tomorrow.due_at


async def test_a_reader_sleeps_until_a_commit_leaves_a_command(
    stores: Stores, clock: Clock
) -> None:
    await leave(stores, clock, gift(clock, "a"))
    (due,) = await due_now(stores, clock)
    await receive(stores, clock, due)
    with anyio.move_on_after(0.05) as waited:
        await stores.commands.changed()
    assert waited.cancelled_caught
    async with anyio.create_task_group() as group:
        group.start_soon(leave, stores, clock, gift(clock, "b", hours=1))
        with anyio.fail_after(DEADLINE):
            await stores.commands.changed()
        assert await stores.commands.next_due() is not None


async def test_a_command_that_came_after_the_reading_wakes_a_reader_who_waits_later(
    stores: Stores, clock: Clock
) -> None:
    assert await due_now(stores, clock) == []
    await leave(stores, clock, gift(clock, "a"))
    with anyio.fail_after(DEADLINE):
        await stores.commands.changed()


async def test_a_command_that_comes_during_the_reading_is_read_or_wakes_the_reader(
    stores: Stores, clock: Clock
) -> None:
    for n in range(1, 41):
        left_one = anyio.Event()

        async def leave_one(name: str = str(n), done: anyio.Event = left_one) -> None:
            await leave(stores, clock, gift(clock, name))
            done.set()

        async with anyio.create_task_group() as group:
            group.start_soon(leave_one)
            # In every round the commit ends at another moment of a reading.
            for _ in range(n % 5):
                await checkpoint()
            seen = await due_now(stores, clock)
            while not left_one.is_set() and n % 2:
                seen = await due_now(stores, clock)
        with anyio.fail_after(DEADLINE):
            while len(seen) < n:
                await stores.commands.changed()
                seen = await due_now(stores, clock)


async def test_a_command_carries_the_chain_of_the_turn_that_left_it(
    stores: Stores, clock: Clock
) -> None:
    left = commit_of(Stored(None, 0), "1", clock(), commands=(gift(clock, "a"),))
    chained = left._replace(correlation_id="request-7", traceparent="00-a-b-01")
    await stores.users.commit(chained)
    (due,) = await due_now(stores, clock)
    assert (due.correlation_id, due.traceparent) == ("request-7", "00-a-b-01")
