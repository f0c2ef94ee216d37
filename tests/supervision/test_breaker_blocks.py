"""Blocks under a breaker: told from those around, before and after them, and by task."""

from contextlib import suppress

import anyio
import pytest

from supervision import (
    BreakerState,
)
from tests.supervision.breakers import Clock, Trouble, make, succeed, trip

pytestmark = pytest.mark.anyio


async def test_breakers_may_be_nested() -> None:
    clock = Clock()
    outer, inner = make(clock, slow_call=5.0), make(clock, slow_call=5.0)
    async with outer:
        clock.now += 10
        async with inner:
            pass
    assert (outer.statistics().slow, inner.statistics().slow) == (1, 0)


async def test_blocks_of_an_earlier_state_are_told_from_later_ones() -> None:
    """Many are inside when the breaker opens and closes again: only the later ones count."""
    clock = Clock()
    breaker = make(clock)
    gates = [anyio.Event(), anyio.Event()]

    async def block(gate: anyio.Event, error: type[Exception] | None) -> None:
        with suppress(Trouble):
            async with breaker:
                await gate.wait()
                if error is not None:
                    raise error

    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(block, gates[0], Trouble)
        await anyio.sleep(0.1)
        await trip(breaker)
        clock.now += 5
        await breaker.call(succeed)
        for _ in range(3):
            group.start_soon(block, gates[1], None)
        await anyio.sleep(0.1)
        gates[0].set()
        await anyio.sleep(0.1)
        assert (breaker.state, breaker.statistics().calls) == (BreakerState.CLOSED, 0)
        gates[1].set()
    assert breaker.statistics().calls == 3
    async with breaker, breaker:
        pass
    assert (breaker.statistics().calls, breaker.statistics().failed) == (5, 0)


async def test_a_block_is_told_from_one_around_it_and_from_its_parents() -> None:
    """A task that is started inside a block inherits it and may outlive it."""
    clock = Clock()
    breaker, other = make(clock, slow_call=1.0), make(clock, slow_call=1.0)
    gate = anyio.Event()

    async def child() -> None:
        await gate.wait()
        async with other, breaker:
            clock.now += 2

    async with anyio.create_task_group() as group:
        async with breaker, other:
            group.start_soon(child)
            await anyio.sleep(0.1)
        gate.set()
    assert (breaker.statistics().calls, breaker.statistics().slow) == (2, 1)
    assert (other.statistics().calls, other.statistics().slow) == (2, 1)


async def test_what_a_task_inherits_from_a_block_that_is_over_is_not_its_own() -> None:
    clock = Clock()
    breaker = make(clock)
    started, gate, over = anyio.Event(), anyio.Event(), anyio.Event()

    async def child() -> None:
        await started.wait()
        async with breaker:
            over.set()
            await gate.wait()

    async with anyio.create_task_group() as group:
        await trip(breaker)
        clock.now += 5
        async with breaker:
            group.start_soon(child)
            await anyio.sleep(0.1)
        started.set()
        await over.wait()
        breaker.reset()
        gate.set()
    assert (breaker.state, breaker.statistics().calls) == (BreakerState.CLOSED, 0)
    assert breaker._plain, "all blocks of the earlier state have left"


async def test_blocks_may_be_left_out_of_order() -> None:
    breaker, other = make(Clock(), slow_call=1.0), make(Clock(), slow_call=1.0)
    await breaker.__aenter__()
    await other.__aenter__()
    await breaker.__aexit__(None, None, None)
    await other.__aexit__(None, None, None)
    assert (breaker.statistics().calls, other.statistics().calls) == (1, 1)
