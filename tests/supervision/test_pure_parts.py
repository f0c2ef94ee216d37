"""The decisions behind supervision: functions of values, so tests are tables and properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision import (
    Backoff,
    Child,
    Health,
    Strategy,
    Supervisor,
    backoff,
    fold,
    partitioned,
    worst,
)
from supervision._intensity import add_restart
from supervision._spec import partition_of
from supervision._strategy import affected
from supervision._window import CountWindow, TimeWindow

UNIT = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 5000), st.floats(0, 100), st.floats(0, 1000), UNIT)
def test_a_backoff_is_between_nothing_and_its_cap(
    attempt: int, base: float, cap: float, chance: float
) -> None:
    delay = backoff(attempt, base=base, cap=cap, rng=lambda: chance)
    assert 0 <= delay <= cap
    assert delay <= chance * cap + 1e-9


def test_a_backoff_doubles_until_its_cap() -> None:
    delays = [backoff(attempt, base=1, cap=10, rng=lambda: 1.0) for attempt in range(1, 7)]
    assert delays == [1, 2, 4, 8, 10, 10]


def test_full_jitter_makes_all_of_the_delay_random() -> None:
    assert backoff(3, base=1, cap=10, rng=lambda: 0.0) == 0
    assert backoff(3, base=1, cap=10, rng=lambda: 0.5) == 2


@pytest.mark.parametrize(("attempt", "base", "cap"), [(0, 1, 1), (1, -1, 1), (1, 1, -1)])
def test_a_backoff_of_nonsense_is_refused(attempt: int, base: float, cap: float) -> None:
    with pytest.raises(ValueError, match="no backoff for"):
        backoff(attempt, base=base, cap=cap, rng=lambda: 0.5)


@given(st.lists(st.floats(0, 100), max_size=30).map(sorted), st.integers(0, 5), st.floats(1, 50))
def test_the_intensity_is_exceeded_exactly_when_a_window_holds_too_many(
    times: list[float], intensity: int, period: float
) -> None:
    kept: tuple[float, ...] = ()
    for index, now in enumerate(times):
        kept, exceeded = add_restart(kept, now, intensity=intensity, period=period)
        in_window = sum(now - time <= period for time in times[: index + 1])
        assert exceeded == (in_window > intensity)
        assert len(kept) == in_window


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, [2]),
        (Strategy.ONE_FOR_ALL, [0, 1, 2, 3]),
        (Strategy.REST_FOR_ONE, [2, 3]),
    ],
)
def test_a_strategy_says_who_is_restarted(strategy: Strategy, expected: list[int]) -> None:
    assert list(affected(strategy, 2, 4)) == expected


def test_health_is_folded_by_the_worst_that_is_critical() -> None:
    ok, degraded, down = Health.OK, Health.DEGRADED, Health.DOWN
    assert worst([]) is ok
    assert worst([ok, down, degraded]) is down
    assert fold([(ok, True), (down, False)]) is degraded
    assert fold([(degraded, False), (ok, True)]) is degraded
    assert fold([(down, True), (ok, True)]) is down


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.integers(1, 10))
def test_a_count_window_remembers_the_last_calls(calls: list[tuple[bool, bool]], size: int) -> None:
    memory = CountWindow(size).memory(lambda: pytest.fail("needs no clock"))
    for failed, slow in calls:
        memory.add(failed, slow)
    recent = calls[-size:]
    assert memory.totals() == (
        len(recent), sum(failed for failed, _ in recent), sum(slow for _, slow in recent)
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.booleans()), max_size=60),
    st.integers(1, 10),
    st.floats(0, 20),
)
def test_a_time_window_remembers_the_calls_of_the_last_seconds(
    calls: list[tuple[float, bool, bool]], seconds: int, rest: float
) -> None:
    now, happened = 0.0, []
    memory = TimeWindow(seconds).memory(lambda: now)
    for pause, failed, slow in calls:
        now += pause
        memory.add(failed, slow)
        happened.append((int(now), failed, slow))
    now += rest
    recent = [call for call in happened if call[0] > int(now) - seconds]
    assert memory.totals() == (
        len(recent), sum(call[1] for call in recent), sum(call[2] for call in recent)
    )  # fmt: skip


def test_a_window_has_a_size() -> None:
    with pytest.raises(ValueError, match="at least one call"):
        CountWindow(0)
    with pytest.raises(ValueError, match="at least a second"):
        TimeWindow(0)


def test_a_specification_that_cannot_work_is_refused() -> None:
    def child(name: str) -> Child:
        return Child(name, lambda: pytest.fail("never started"))

    with pytest.raises(ValueError, match="need names that differ"):
        Supervisor("top", (child("a"), child("a")))
    with pytest.raises(ValueError, match="without /"):
        Supervisor("top", (child("a/b"),))
    with pytest.raises(ValueError, match="no intensity of -1"):
        Supervisor("top", (), intensity=-1)
    with pytest.raises(ValueError, match="in 0 s"):
        Supervisor("top", (), period=0)
    with pytest.raises(ValueError, match="top has more than 1 children"):
        Supervisor("top", (child("a"), child("b")), max_children=1)
    with pytest.raises(ValueError, match="needs a name"):
        child("")
    with pytest.raises(ValueError, match="one partition at least"):
        partitioned("top", 0, lambda _number: pytest.fail("never started"))
    assert Supervisor("top", ()).backoff == Backoff()


def test_a_supervisor_is_as_slow_as_its_children_together() -> None:
    def child(name: str) -> Child:
        return Child(name, lambda: pytest.fail("never started"), shutdown=5, start_timeout=30)

    sub = Supervisor("sub", (child("b"), child("c")))
    assert (sub.shutdown(), sub.start_timeout()) == (2 * 6 + 1, 2 * 30 + 1)
    top = Supervisor("top", (child("a"), sub))
    assert (top.shutdown(), top.start_timeout()) == (6 + 14 + 1, 30 + 61 + 1)


@given(st.lists(st.one_of(st.text(), st.integers())), st.integers(1, 64))
def test_a_key_has_one_partition_of_those_there_are(keys: list[str | int], count: int) -> None:
    for key in keys:
        assert 0 <= partition_of(key, count) < count
        assert partition_of(key, count) == partition_of(key, count)


def test_the_partition_of_a_key_is_the_same_in_every_process() -> None:
    assert [partition_of(key, 16) for key in (1, 2, "1", "ana")] == [7, 13, 7, 2]
    assert len({partition_of(key, 8) for key in range(100)}) == 8
