"""The breaker: when it opens, whom it lets probe, when it closes, and what it does not count."""

from contextlib import suppress

import anyio
import pytest

from supervision import (
    Breaker,
    BreakerOpen,
    BreakerPolicy,
    BreakerState,
    Context,
    CountWindow,
    Report,
    TimeWindow,
)
from tests.supervision.breakers import Answered, Clock, Trouble, fail, make, succeed, trip

pytestmark = pytest.mark.anyio


async def test_a_closed_breaker_lets_calls_through_in_both_forms() -> None:
    breaker = make(Clock())
    assert await breaker.call(succeed) == "fine"
    async with breaker:
        pass
    with pytest.raises(Trouble):
        async with breaker:
            raise Trouble
    seen = breaker.statistics()
    assert (seen.calls, seen.failed, seen.slow, seen.refused) == (3, 1, 0, 0)
    assert (seen.name, seen.state, seen.retry_after) == ("store", BreakerState.CLOSED, 0.0)
    assert seen.failure_rate == pytest.approx(1 / 3)
    assert seen.last_error == "Trouble: "


async def test_it_opens_at_the_failure_rate_but_not_before_the_minimum_of_calls() -> None:
    breaker = make(Clock())
    states = []
    for function in (fail, fail, fail, succeed, fail):
        states.append(breaker.statistics().state)
        with suppress(Trouble):
            await breaker.call(function)
    assert set(states) == {BreakerState.CLOSED}
    assert breaker.statistics().state is BreakerState.OPEN


async def test_an_open_breaker_refuses_without_calling_and_says_when_to_come_back() -> None:
    clock = Clock()
    breaker = make(clock)
    await trip(breaker)
    clock.now += 2
    with pytest.raises(BreakerOpen, match=r"breaker store is open: try again in 3.0 s") as got:
        await breaker.call(lambda: pytest.fail("was called"))
    assert got.value.retry_after == pytest.approx(3)
    with pytest.raises(BreakerOpen):
        async with breaker:
            pytest.fail("was entered")
    seen = breaker.statistics()
    assert (seen.refused, seen.opened) == (2, 1)
    assert seen.retry_after == pytest.approx(3)


async def test_slow_calls_open_it_as_failures_do() -> None:
    clock = Clock()
    breaker = make(clock, slow_call=1.0, slow_rate=0.5)
    for seconds in (0.1, 2.0, 0.1, 2.0):
        assert breaker.state is BreakerState.CLOSED
        async with breaker:
            clock.now += seconds
    assert breaker.state is BreakerState.OPEN


async def test_old_calls_leave_a_window_of_time() -> None:
    clock = Clock()
    breaker = make(clock, window=TimeWindow(10))
    for _ in range(3):
        with pytest.raises(Trouble):
            await breaker.call(fail)
    clock.now += 11
    with pytest.raises(Trouble):
        await breaker.call(fail)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.statistics().calls == 1


async def test_after_the_open_time_one_probe_decides() -> None:
    clock, reports = Clock(), list[Report]()
    breaker = make(clock, reports.append)
    await trip(breaker)
    clock.now += 5
    assert await breaker.call(succeed) == "fine"
    assert breaker.state is BreakerState.CLOSED
    assert breaker.statistics().calls == 0
    assert [(report.context, report.reason) for report in reports] == [
        (
            Context.BREAKER,
            "closed to open: too many calls failed or were slow (4 failed, 0 slow, of 4), "
            "last Trouble: no answer",
        ),
        (Context.BREAKER, "open to half_open: the open time is over"),
        (Context.BREAKER, "half_open to closed: the probes succeeded"),
    ]
    assert {report.offender for report in reports} == {"store"}


async def test_a_failed_probe_opens_it_for_longer_up_to_a_limit() -> None:
    clock = Clock()
    breaker = make(clock, longest_open=12.0)
    await trip(breaker)
    times = []
    for _ in range(4):
        clock.now += breaker.statistics().retry_after
        with pytest.raises(Trouble):
            await breaker.call(fail)
        times.append(breaker.statistics().retry_after)
    assert times == [7.5, 8.5, 8.5, 8.5]
    clock.now += 12
    await breaker.call(succeed)
    await trip(breaker)
    assert breaker.statistics().retry_after == 5.0


async def test_no_more_probes_at_a_time_than_permitted_and_as_many_successes_close_it() -> None:
    clock = Clock()
    breaker = make(clock, probes=2)
    await trip(breaker)
    clock.now += 5
    outcomes: list[str] = []
    gate = anyio.Event()

    async def probe() -> None:
        try:
            async with breaker:
                await gate.wait()
            outcomes.append("through")
        except BreakerOpen as error:
            outcomes.append(f"refused for {error.retry_after} s")

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(probe)
        await anyio.sleep(0.1)
        assert outcomes == ["refused for 1.0 s"] * 98
        assert breaker.statistics().retry_after == 1.0
        gate.set()
    assert outcomes.count("through") == 2
    assert breaker.state is BreakerState.CLOSED


async def test_a_probe_that_never_returns_gives_its_place_to_another() -> None:
    clock = Clock()
    breaker = make(clock, probe_timeout=10.0)
    await trip(breaker)
    clock.now += 5
    async with anyio.create_task_group() as group:
        group.start_soon(breaker.call, anyio.sleep_forever)
        await anyio.sleep(0.1)
        with pytest.raises(BreakerOpen):
            await breaker.call(succeed)
        clock.now += 10
        await breaker.call(succeed)
        assert breaker.state is BreakerState.CLOSED
        group.cancel_scope.cancel()
    assert breaker.statistics().calls == 0


async def test_the_result_of_a_probe_that_was_given_up_counts_as_nothing() -> None:
    clock = Clock()
    breaker = make(clock, probe_timeout=10.0, probes=1)
    await trip(breaker)
    clock.now += 5
    late, other = anyio.Event(), anyio.Event()

    async def slow() -> None:
        await late.wait()
        raise Trouble

    async with anyio.create_task_group() as group:

        async def first() -> None:
            with pytest.raises(Trouble):
                await breaker.call(slow)

        group.start_soon(first)
        await anyio.sleep(0.1)
        clock.now += 10
        group.start_soon(breaker.call, other.wait)
        await anyio.sleep(0.1)
        late.set()
        await anyio.sleep(0.1)
        assert breaker.state is BreakerState.HALF_OPEN
        other.set()
    assert breaker.state is BreakerState.CLOSED


async def test_a_cancelled_call_counts_as_nothing_and_returns_its_permit() -> None:
    clock = Clock()
    breaker = make(clock)
    for _ in range(20):
        with anyio.move_on_after(0.01):
            await breaker.call(anyio.sleep_forever)
        with anyio.move_on_after(0.01):
            async with breaker:
                await anyio.sleep_forever()
    assert breaker.statistics().calls == 0
    await trip(breaker)
    clock.now += 5
    with anyio.move_on_after(0.01):
        await breaker.call(anyio.sleep_forever)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.statistics().retry_after == 0.0
    assert await breaker.call(succeed) == "fine"


async def test_a_call_counts_in_the_state_in_which_it_began_or_not_at_all() -> None:
    clock = Clock()
    breaker = make(clock)
    gate = anyio.Event()

    async def slow() -> None:
        await gate.wait()
        raise Trouble

    async def late() -> None:
        with pytest.raises(Trouble):
            await breaker.call(slow)

    async with anyio.create_task_group() as group:
        group.start_soon(late)
        await anyio.sleep(0.1)
        await trip(breaker)
        clock.now += 5
        await breaker.call(succeed)
        gate.set()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.statistics().calls == 0


async def test_errors_that_prove_an_answer_are_successes() -> None:
    breaker = Breaker(
        "store",
        BreakerPolicy(minimum_calls=1),
        counts=lambda error: not isinstance(error, Answered),
    )
    for _ in range(5):
        with pytest.raises(Answered):
            async with breaker:
                raise Answered
    seen = breaker.statistics()
    assert (seen.calls, seen.failed) == (5, 0)


async def test_it_obeys_orders() -> None:
    clock = Clock()
    breaker = make(clock, longest_open=60.0)
    breaker.force_open()
    clock.now += 1000
    with pytest.raises(BreakerOpen) as got:
        await breaker.call(succeed)
    assert got.value.retry_after == 60.0
    breaker.disable()
    for _ in range(20):
        with pytest.raises(Trouble):
            await breaker.call(fail)
    assert breaker.statistics().calls == 0
    breaker.force_close()
    for _ in range(20):
        with pytest.raises(Trouble):
            await breaker.call(fail)
    seen = breaker.statistics()
    assert (seen.state, seen.calls) == (BreakerState.FORCED_CLOSED, 10)
    breaker.reset()
    assert await breaker.call(succeed) == "fine"
    assert breaker.state is BreakerState.CLOSED


async def test_half_open_with_a_hundred_callers_at_once_exactly_the_permitted_probes_pass() -> None:
    for probes in (1, 3):
        clock = Clock()
        breaker = make(clock, probes=probes)
        await trip(breaker)
        clock.now += 5
        passed = refused = 0
        gate = anyio.Event()

        async def caller() -> None:
            nonlocal passed, refused
            try:
                await breaker.call(gate.wait)  # noqa: B023
                passed += 1
            except BreakerOpen:
                refused += 1

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(caller)
            await anyio.sleep(0.1)
            gate.set()
        assert (passed, refused) == (probes, 100 - probes)


async def test_three_cancellations_in_a_row_change_nothing() -> None:
    breaker = make(Clock(), minimum_calls=1, window=CountWindow(3), failure_rate=0.01)
    before = breaker.statistics()
    for _ in range(3):
        with anyio.move_on_after(0.01):
            await breaker.call(anyio.sleep_forever)
        with anyio.move_on_after(0.01):
            async with breaker:
                await anyio.sleep_forever()
    assert breaker.statistics() == before


async def test_a_result_may_be_a_failure() -> None:
    breaker = Breaker("store", BreakerPolicy(minimum_calls=2), fails=lambda got: got == "fine")
    for _ in range(2):
        assert await breaker.call(succeed) == "fine"
    assert breaker.state is BreakerState.OPEN
    assert breaker.statistics().last_error == "its answer was a failure"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"failure_rate": 0.0}, "a rate is a share"),
        ({"slow_rate": 1.5}, "a rate is a share"),
        ({"minimum_calls": 0}, "never has 0 to judge by"),
        ({"window": CountWindow(5), "minimum_calls": 6}, "a window of 5 calls never has 6"),
        ({"probes": 0}, "it takes a probe to close"),
        ({"open_for": -1.0}, "times are not negative"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(options: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        BreakerPolicy(**options)  # type: ignore[arg-type]
