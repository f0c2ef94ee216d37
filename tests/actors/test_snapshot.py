"""A snapshot is a value of bounded size, and what it costs has nothing to do with who is idle."""

import sys
import tracemalloc
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass
from types import FrameType
from typing import Any, NamedTuple

import anyio
import pytest

from actors import ActorSystem, Durations, Mailbox, MailboxFull, Reason
from tests.actors.cast import Add, Nap, Player, each

pytestmark = pytest.mark.anyio


class Cost(NamedTuple):
    """Of one snapshot: functions that run, those written in C included, and bytes in use."""

    calls: int
    memory: int


def cost_of_a_snapshot(system: ActorSystem) -> Cost:
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        system.snapshot()
    finally:
        sys.setprofile(None)
    tracemalloc.start()
    try:
        system.snapshot()
        _, memory = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return Cost(calls, memory)


async def crowd(system: ActorSystem, name: str, count: int) -> None:
    """So many idle actors, half of them virtual."""
    for number in range(count // 2):
        system.spawn(Player, name=f"{name} {number}")
    family = system.virtual(f"{name} virtual", each(Player))
    for number in range(count // 2):
        family.ref(number).tell_nowait(Add(1))
    await anyio.sleep(1)  # The clock jumps once they have all been served.


async def test_a_hundred_thousand_idle_actors_cost_a_snapshot_no_more_than_a_thousand(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    with anyio.CancelScope() as at_once:
        async with ActorSystem() as system:
            for number in range(20):
                system.spawn(Player, name=f"busy {number}").tell_nowait(Nap(1000))
            await crowd(system, "few", 1_000)
            few = cost_of_a_snapshot(system)
            await crowd(system, "many", 99_000)
            many = cost_of_a_snapshot(system)
            assert system.snapshot().actors == 100_020
            at_once.cancel()
            await anyio.lowlevel.checkpoint()
    # The second crowd has a line of its own in the snapshot, and numbers take more digits.
    assert many.calls - few.calls < 300
    assert many.memory - few.memory < 10_000


async def test_a_snapshot_lists_a_few_and_counts_all(system: ActorSystem) -> None:
    family = system.virtual("family", each(Player), mailbox=Mailbox(10))
    for number in range(100):
        for target in (system.spawn(Player, name=f"player {number}"), family.ref(number)):
            target.tell_nowait(Nap(1000))
            for _ in range(number % 7):
                target.tell_nowait(Add(1))
    await anyio.sleep(5)
    seen = system.snapshot()
    waiting = 2 * sum(number % 7 for number in range(100))
    assert (seen.actors, seen.busy, seen.waiting) == (200, 200, waiting)
    assert [one.depth for one in seen.top] == [6] * 10
    assert [one.depth for one in seen.families[0].top] == [6] * 10
    assert (seen.families[0].live, seen.families[0].full) == (100, 0)


async def test_the_age_of_mail_is_known_to_within_a_turn_where_it_never_runs_out(
    system: ActorSystem,
) -> None:
    each_takes, waiting = 0.1, 200
    player = system.spawn(Player, name="player")
    for _ in range(waiting):
        player.tell_nowait(Nap(each_takes))
    for _ in range(1000):
        await anyio.sleep(each_takes)
        player.tell_nowait(Nap(each_takes))
    seen = player.statistics()
    assert seen.depth == pytest.approx(waiting, abs=2)
    assert seen.oldest_wait == pytest.approx(seen.depth * each_takes, abs=(64 + 2) * each_takes)


async def test_a_snapshot_is_a_frozen_value(system: ActorSystem) -> None:
    family = system.virtual("family", each(Player), mailbox=Mailbox(1))
    family.ref(1).tell_nowait(Nap(1))
    await anyio.sleep(0.1)
    family.ref(1).tell_nowait(Add(1))
    with pytest.raises(MailboxFull):
        family.ref(1).tell_nowait(Add(1))
    seen = system.snapshot()
    shown = repr(seen)
    values = (seen.waits, seen.handlings, *seen.top, *seen.families, *seen.families[0].top)
    assert all(frozen(value) for value in (seen, *values))
    with pytest.raises(TypeError):
        seen.dead_letters[Reason.DROPPED] = 5  # type: ignore[index]
    await anyio.sleep(5)
    assert repr(seen) == shown != repr(system.snapshot())


def frozen(value: object) -> bool:
    """Whether no field of it can be set, and none holds what could be changed behind it."""
    assert is_dataclass(value)
    for field in fields(value):
        content = getattr(value, field.name)
        assert isinstance(content, str | int | float | tuple | Mapping | Durations), field.name
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, content)
    return True
