"""Making room among virtual actors: at the limit and while memory is short, the longest idle go."""

import anyio
import pytest

from actors import (
    ActorSystem,
    MailboxFull,
    TooManyActors,
)
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Get, Nap, Player, each

pytestmark = pytest.mark.anyio


async def test_at_the_limit_the_longest_idle_makes_room(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=100, limit=3)
    for key in range(10):
        await family.ref(key).ask(Add(1), timeout=1)
        await anyio.sleep(10)
    assert len(family) == 3
    assert await family.ref(9).ask(Get(), timeout=1) == 1


async def test_while_memory_is_short_the_longest_idle_go_and_the_busy_stay(
    system: ActorSystem,
) -> None:
    short = False
    family = system.virtual("users", each(Player), idle=1000, pressed=lambda: short)
    for key in range(3):
        await family.ref(key).ask(Add(1), timeout=1)
    await anyio.sleep(5)
    assert len(family) == 3
    family.ref(1).tell_nowait(Nap(10))
    short = True
    await anyio.sleep(3)
    assert (len(family), family.statistics().passivated) == (1, 2)
    short = False
    await anyio.sleep(20)
    assert await family.ref(1).ask(Get(), timeout=1) == 1
    assert await family.ref(0).ask(Add(5), timeout=1) == 5
    await anyio.sleep(10)
    assert len(family) == 2


async def test_a_family_without_actors_asks_nobody_about_memory(system: ActorSystem) -> None:
    asked: list[float] = []

    def pressed() -> bool:
        asked.append(anyio.current_time())
        return True

    family = system.virtual("users", each(Player), idle=1000, pressed=pressed)
    await anyio.sleep(10)
    assert not asked
    await family.ref(1).ask(Add(1), timeout=1)
    await anyio.sleep(10)
    assert len(family) == 0
    assert 1 <= len(asked) <= 3
    await family.ref(1).ask(Add(1), timeout=1)
    await anyio.sleep(10)
    assert len(asked) >= 2


async def test_at_the_limit_with_nobody_idle_the_sender_is_refused(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), limit=2)
    for key in range(2):
        family.ref(key).tell_nowait(Nap(10))
    with pytest.raises(TooManyActors, match="users has 2 live actors and none is idle") as got:
        family.ref(3).tell_nowait(Add(1))
    assert isinstance(got.value, MailboxFull)
    assert got.value.retry_after > 0
    await anyio.sleep(11)
    assert await family.ref(3).ask(Add(1), timeout=1) == 1


async def test_an_idle_actor_that_objects_makes_no_room(system: ActorSystem) -> None:
    class Proud(Player):
        def may_passivate(self) -> bool:
            return False

    family = system.virtual("users", each(Proud), limit=4)
    for key in range(4):
        await family.ref(key).ask(Add(1), timeout=1)
    for key in range(100, 120):
        try:
            await family.ref(key).ask(Add(1), timeout=1)
        except TooManyActors:
            break
    else:
        pytest.fail("the family grew without a bound")
    assert len(family) <= 5


async def test_only_so_many_make_room_at_a_time(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), limit=4)
    for key in range(4):
        await family.ref(key).ask(Add(1), timeout=1)
    family.ref(10).tell_nowait(Add(1))
    with pytest.raises(TooManyActors):
        family.ref(11).tell_nowait(Add(1))
    await wait_until_idle(system)
    assert await family.ref(11).ask(Add(1), timeout=1) == 1


async def test_who_was_asked_to_make_room_and_stays_is_not_counted_as_leaving(
    system: ActorSystem,
) -> None:
    class Attached(Player):
        def may_passivate(self) -> bool:
            return self.total < 2

    family = system.virtual("users", each(Attached), limit=4)
    for key in range(4):
        await family.ref(key).ask(Add(1), timeout=1)
    family.ref(10).tell_nowait(Add(1))
    family.ref(0).tell_nowait(Add(1))
    await wait_until_idle(system)
    with pytest.raises(TooManyActors):
        family.ref(11).tell_nowait(Add(1))
    await wait_until_idle(system)
    assert await family.ref(11).ask(Add(1), timeout=1) == 1
    assert await family.ref(0).ask(Get(), timeout=1) == 2


async def test_who_was_used_last_goes_last(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=100, limit=3)
    for key in (0, 1, 2, 0):
        await family.ref(key).ask(Add(1), timeout=1)
        await anyio.sleep(10)
    await family.ref(3).ask(Add(1), timeout=1)
    assert await family.ref(0).ask(Get(), timeout=1) == 2
    assert {cell.key for cell in family.cells()} == {0, 2, 3}


async def test_who_is_busy_or_objects_is_passed_over_for_one_who_can_go(
    system: ActorSystem,
) -> None:
    class Proud(Player):
        def may_passivate(self) -> bool:
            return self.total != 7

    busy, proud, willing, other, new = range(5)
    family = system.virtual("users", each(Proud), limit=4)
    family.ref(busy).tell_nowait(Nap(100))
    await family.ref(proud).ask(Add(7), timeout=1)
    for key in (willing, other):
        await family.ref(key).ask(Add(1), timeout=1)
    await family.ref(new).ask(Add(1), timeout=1)
    await wait_until_idle(system, timeout=200)
    assert {cell.key for cell in family.cells()} == {busy, proud, other, new}


async def test_the_search_for_one_who_can_go_has_a_bound_and_goes_on_where_it_stopped(
    system: ActorSystem,
) -> None:
    class Proud(Player):
        def may_passivate(self) -> bool:
            return self.total == 1

    family = system.virtual("users", each(Proud), idle=160, limit=66)
    for key in range(66):
        await family.ref(key).ask(Add(1 if key == 64 else 2), timeout=1)
    with pytest.raises(TooManyActors) as got:
        family.ref(66).tell_nowait(Add(1))
    assert got.value.retry_after == 10
    await family.ref(66).ask(Add(1), timeout=1)
    assert {cell.key for cell in family.cells()} == {*range(66), 66} - {64}


async def test_a_quarter_of_the_limit_may_be_on_its_way_out(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), limit=60)
    for key in range(60):
        await family.ref(key).ask(Add(1), timeout=1)
    for key in range(100, 115):
        family.ref(key).tell_nowait(Add(1))
    with pytest.raises(TooManyActors):
        family.ref(115).tell_nowait(Add(1))
    await wait_until_idle(system)
    assert len(family) == 60
