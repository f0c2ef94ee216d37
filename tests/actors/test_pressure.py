"""A family lets actors go while memory is short, and never all of them in one go."""

import anyio
import pytest
from anyio.lowlevel import checkpoint

from actors import ActorSystem, VirtualActors
from actors._virtual import SWEEP_AT_ONCE
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Line, Player, each

pytestmark = pytest.mark.anyio


async def activate(system: ActorSystem, family: VirtualActors[int, Line], count: int) -> None:
    for key in range(count):
        family.ref(key).tell_nowait(Add(1))
    await wait_until_idle(system)


async def test_memory_is_asked_about_once_a_second_however_many_come(system: ActorSystem) -> None:
    asked: list[float] = []

    def pressed() -> bool:
        asked.append(anyio.current_time())
        return False

    family = system.virtual("users", each(Player), idle=1000, pressed=pressed)
    start = anyio.current_time()
    for key in range(100, 110):
        family.ref(key).tell_nowait(Add(1))
    for key in range(8):
        family.ref(key).tell_nowait(Add(1))
        await anyio.sleep(1.3)
    assert [round(moment - start, 1) for moment in asked] == [
        pytest.approx(second, abs=0.5) for second in range(1, 11)
    ]
    assert asked[0] - start >= 1


async def test_a_thousand_go_at_a_time(system: ActorSystem) -> None:
    short = False
    family = system.virtual("users", each(Player), idle=1000, pressed=lambda: short)
    await activate(system, family, SWEEP_AT_ONCE + 500)
    short = True
    while not family.passivated:
        await anyio.sleep(0.1)
    await wait_until_idle(system)
    assert (family.passivated, len(family)) == (SWEEP_AT_ONCE, 500)
    await anyio.sleep(1.2)
    assert len(family) == 0


async def test_a_family_that_stops_lets_the_loop_turn_meanwhile(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player))
    await activate(system, family, 2 * SWEEP_AT_ONCE + 500)
    cells = family.cells()
    asked: set[int] = set()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: family.stop(timeout=5))
        while len(family):
            asked.add(sum(not cell.room for cell in cells))
            await checkpoint()
    assert asked & {SWEEP_AT_ONCE, 2 * SWEEP_AT_ONCE}
