"""How long messages wait and are handled is known for the system as a whole."""

import anyio
import pytest

from actors import ActorSystem, Durations, Histogram, _workers
from actors._durations import BOUNDS
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Nap, Player


def read(*seconds: float) -> Durations:
    histogram = Histogram()
    for each in seconds:
        histogram.add(each)
    return histogram.read()


def test_a_duration_is_counted_up_to_the_bound_that_it_does_not_pass() -> None:
    seen = read(0.0, 0.001, 0.0011, 10.0, 10.1)
    assert seen.count == 5
    assert len(seen.counts) == len(BOUNDS) + 1
    assert seen.seconds == pytest.approx(20.1021)
    assert (seen.cumulative[0.0001], seen.cumulative[0.0005]) == (1, 1)
    assert (seen.cumulative[0.001], seen.cumulative[0.0025]) == (2, 3)
    assert (seen.cumulative[5.0], seen.cumulative[10.0]) == (3, 4)
    assert list(seen.cumulative) == list(BOUNDS)


def test_what_was_read_does_not_change() -> None:
    histogram = Histogram()
    before = histogram.read()
    histogram.add(1)
    assert (before.count, histogram.read().count) == (0, 1)


@pytest.mark.anyio
async def test_a_message_that_waits_behind_another_is_seen_to_wait(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_workers, "perf_counter", anyio.current_time)
    ref = system.spawn(Player, name="slow")
    await wait_until_idle(system)
    before = system.snapshot().waits
    ref.tell_nowait(Nap(2))
    await anyio.sleep(1)
    ref.tell_nowait(Add())
    await wait_until_idle(system)
    seen = system.snapshot().waits
    assert seen.count - before.count == 2
    assert seen.seconds - before.seconds == pytest.approx(1, abs=0.1)


@pytest.mark.anyio
async def test_handling_is_timed_for_one_message_in_a_tenth_of_a_millisecond(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0

    def spend(seconds: float) -> Do:
        def work(_: Player) -> None:
            nonlocal now
            now += seconds

        return Do(work)

    monkeypatch.setattr(_workers, "perf_counter", lambda: now)
    system._runtime.workers._due = 0.0
    ref = system.spawn(Player, name="busy")
    await wait_until_idle(system)
    for seconds in (0.02, *[0.000001] * 1000):
        ref.tell_nowait(spend(seconds))
    await wait_until_idle(system)
    seen = system.snapshot()
    assert 8 <= seen.handlings.counts[0] <= 11
    assert seen.handlings.count == seen.handlings.counts[0] + 1 == seen.waits.count
    assert seen.handlings.seconds == pytest.approx(0.02, abs=0.0001)


@pytest.mark.anyio
async def test_a_message_alone_is_timed_to_its_end(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(Player, name="alone")
    await wait_until_idle(system)
    monkeypatch.setattr(_workers, "perf_counter", anyio.current_time)
    system._runtime.workers._due = 0.0
    before = system.snapshot().handlings
    ref.tell_nowait(Nap(2))
    await wait_until_idle(system)
    seen = system.snapshot().handlings
    assert seen.count - before.count == 1
    assert seen.seconds - before.seconds == pytest.approx(2, abs=0.1)
