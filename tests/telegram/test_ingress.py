"""Updates are handed on once they are durable, in order, and as few writes as possible."""

import asyncio

import anyio
import orjson
import pytest

from tests.fakes import MemoryInbox
from tests.telegram.updates import message, press
from yabot.errors import Overloaded, StoreUnavailable
from yabot.telegram.ingress import Ingress, Intake
from yabot.users.ports import Mail

pytestmark = pytest.mark.anyio


class Door:
    """An ingress, and what it has handed on."""

    def __init__(self, inbox: MemoryInbox, max_backlog: int = 1000) -> None:
        self.delivered: list[Mail] = []
        self.ingress = Ingress(inbox, self.delivered.append, bot_id=42, max_backlog=max_backlog)

    async def take(self, *updates: dict[str, object]) -> None:
        await self.ingress.take(updates, [orjson.dumps(update) for update in updates])


async def test_an_update_is_delivered_after_it_is_durable(inbox: MemoryInbox) -> None:
    door = Door(inbox)
    inbox.gate = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(door.take, message("one"), press())
        await anyio.wait_all_tasks_blocked()
        assert door.delivered == []
        inbox.gate.set()
    assert [mail.user_id for mail in door.delivered] == ["7", "7"]
    assert [mail.seq for mail in door.delivered] == [1, 2]


async def test_a_redelivered_update_is_not_handed_on_twice(inbox: MemoryInbox) -> None:
    door = Door(inbox)
    update = message()
    await door.take(update)
    await door.take(update)
    assert len(door.delivered) == 1
    assert door.ingress.statistics() == Intake(accepted=1, repeated=1, refused=0)


async def test_what_comes_during_a_write_goes_into_the_next_one_together(
    inbox: MemoryInbox,
) -> None:
    door = Door(inbox)
    inbox.gate = anyio.Event()
    updates = [message(str(n)) for n in range(20)]
    async with anyio.create_task_group() as group:
        group.start_soon(door.take, updates[0])
        await anyio.wait_all_tasks_blocked()
        for update in updates[1:]:
            group.start_soon(door.take, update)
        await anyio.wait_all_tasks_blocked()
        inbox.gate.set()
    assert inbox.writes == [1, 19]
    assert [mail.update for mail in door.delivered] == updates


async def test_all_who_waited_for_a_failed_write_are_told(inbox: MemoryInbox) -> None:
    door = Door(inbox)
    inbox.gate, inbox.failing = anyio.Event(), True
    failures = 0

    async def take() -> None:
        nonlocal failures
        try:
            await door.take(message())
        except StoreUnavailable:
            failures += 1

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        inbox.gate.set()
    assert failures == 5
    assert door.delivered == []
    inbox.failing = False
    await door.take(message("later"))
    assert len(door.delivered) == 1


async def test_a_full_inbox_refuses_and_takes_again_when_it_has_drained(
    inbox: MemoryInbox,
) -> None:
    door = Door(inbox, max_backlog=10)
    inbox.extra_backlog = 10
    with pytest.raises(Overloaded) as full:
        await door.take(message())
    assert full.value.retry_after
    assert door.ingress.statistics().refused == 1
    inbox.extra_backlog = 0
    await door.take(message())
    assert len(door.delivered) == 1


async def test_those_at_the_door_count_as_backlog(inbox: MemoryInbox) -> None:
    door = Door(inbox, max_backlog=3)
    inbox.gate = anyio.Event()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(door.take, message())
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Overloaded):
            await door.take(message())
        inbox.gate.set()


async def test_cancelling_who_writes_loses_no_update(inbox: MemoryInbox) -> None:
    door = Door(inbox)
    inbox.gate = anyio.Event()
    updates = [message(str(n)) for n in range(3)]
    scope = anyio.CancelScope()

    async def cancelled() -> None:
        with scope:
            await door.take(updates[0])

    async with anyio.create_task_group() as group:
        group.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        for update in updates[1:]:
            group.start_soon(door.take, update)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        inbox.gate.set()
    assert [mail.update for mail in door.delivered] == updates


async def test_nobody_is_told_yes_of_a_write_that_was_torn_from_its_task(
    inbox: MemoryInbox,
) -> None:
    door = Door(inbox)
    first_gate = inbox.gate = anyio.Event()
    first = asyncio.ensure_future(door.take(message("0")))
    await anyio.wait_all_tasks_blocked()
    writing, waiting = [asyncio.ensure_future(door.take(message(str(n)))) for n in (1, 2)]
    await anyio.wait_all_tasks_blocked()
    inbox.gate = anyio.Event()
    first_gate.set()
    await first
    await anyio.wait_all_tasks_blocked()
    writing.cancel()
    with anyio.fail_after(5), pytest.raises(StoreUnavailable):
        await waiting
    assert len(door.delivered) == 1


async def test_who_is_cancelled_while_waiting_takes_its_update_back(inbox: MemoryInbox) -> None:
    door = Door(inbox)
    inbox.gate = anyio.Event()
    first, second = message("1"), message("2")
    async with anyio.create_task_group() as group:
        group.start_soon(door.take, first)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01):
            await door.take(second)
        inbox.gate.set()
    assert [mail.update for mail in door.delivered] == [first]
    await door.take(second)
    assert [mail.update for mail in door.delivered] == [first, second]
