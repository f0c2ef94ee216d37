"""Whatever calls come, go well, fail, are slow or are cancelled, in whatever order and however many
at a time: the breaker is in the state that a model of a page is in. No event loop is needed, since
a breaker never waits: a call under way is a coroutine that has been stepped once."""

from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from math import inf
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from supervision import Breaker, BreakerOpen, BreakerPolicy, BreakerState, CountWindow, TimeWindow

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
FORCED_OPEN, FORCED_CLOSED = BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED
DISABLED = BreakerState.DISABLED

POLICIES = st.builds(
    BreakerPolicy,
    window=st.sampled_from([CountWindow(4), CountWindow(7), TimeWindow(6)]),
    failure_rate=st.sampled_from([0.25, 0.5, 1.0]),
    slow_call=st.sampled_from([2.0, inf]),
    slow_rate=st.sampled_from([0.5, 1.0]),
    minimum_calls=st.integers(1, 4),
    open_for=st.just(5.0),
    longest_open=st.sampled_from([5.0, 9.0, 30.0]),
    probes=st.integers(1, 3),
    probe_timeout=st.just(10.0),
)


class Trouble(Exception):
    """What a call fails with."""


class Answer(Exception):
    """An error that is no failure."""


class Cancelled(BaseException):
    """A cancellation, as every backend has its own."""


OUTCOMES = [None, Trouble(), Answer(), Cancelled(), "bad"]
"""How a call may end; the last is a result that is a failure."""


UnderWay: TypeAlias = Coroutine[None, None, object] | Context
"""A call as a coroutine, or the context in which an `async with` block runs."""


@dataclass(eq=False)
class Call:
    """A call that the model has let through."""

    era: int
    began: float
    probe: bool
    under_way: UnderWay


@dataclass
class Model:
    """The rules, in the simplest form that they have."""

    policy: BreakerPolicy
    state: BreakerState = CLOSED
    era: int = 0
    seen: list[tuple[float, bool, bool]] = field(default_factory=list)
    probes: list[Call] = field(default_factory=list)
    recovered: int = 0
    relapses: int = 0
    reopens: float = 0.0
    refused: int = 0
    opened: int = 0

    def window(self, now: float) -> list[tuple[float, bool, bool]]:
        window = self.policy.window
        if isinstance(window, CountWindow):
            return self.seen[-window.calls :]
        return [call for call in self.seen if int(call[0]) > int(now) - window.seconds]

    def become(self, state: BreakerState, now: float) -> None:
        self.state, self.probes, self.recovered = state, [], 0
        self.era += 1
        if state is OPEN:
            more = min(self.policy.longest_open - 5.0, 5.0 * 2 ** (self.relapses - 1)) * 0.5
            self.reopens = now + 5.0 + (more if self.relapses else 0.0)
            self.opened += 1
        else:
            self.seen = []

    def crowded(self) -> bool:
        return len(self.probes) + self.recovered >= self.policy.probes

    def lets_in(self, now: float) -> bool:
        if self.state is OPEN and now >= self.reopens:
            self.become(HALF_OPEN, now)
        if self.state is HALF_OPEN:
            timeout = self.policy.probe_timeout
            self.probes = [probe for probe in self.probes if now - probe.began < timeout]
        let = self.state not in (OPEN, FORCED_OPEN)
        let = let and not (self.state is HALF_OPEN and self.crowded())
        self.refused += not let
        return let

    def over(self, call: Call, failed: bool, now: float) -> None:
        slow = now - call.began >= self.policy.slow_call
        if call.probe:
            if call not in self.probes:
                return
            self.probes.remove(call)
        elif call.era != self.era or self.state is DISABLED:
            return
        self.seen.append((now, failed, slow))
        if self.state is HALF_OPEN:
            self.judge_probe(failed or slow, now)
        elif self.state is CLOSED and (failed or slow) and self.too_bad(now):
            self.become(OPEN, now)

    def judge_probe(self, bad: bool, now: float) -> None:
        if bad:
            self.relapses += 1
            self.become(OPEN, now)
            return
        self.recovered += 1
        if self.recovered == self.policy.probes:
            self.relapses = 0
            self.become(CLOSED, now)

    def too_bad(self, now: float) -> bool:
        window, policy = self.window(now), self.policy
        failed, slow = (sum(call[index] for call in window) for index in (1, 2))
        if len(window) < policy.minimum_calls:
            return False
        return (
            failed >= max(1e-9, policy.failure_rate * len(window))
            or slow >= max(1e-9, policy.slow_rate * len(window))
        )  # fmt: skip

    def retry_after(self, now: float) -> float:
        if self.state is OPEN:
            return max(0.0, self.reopens - now)
        if self.state is FORCED_OPEN:
            return self.policy.longest_open
        return 1.0 if self.state is HALF_OPEN and self.crowded() else 0.0


class Gate:
    """Something to await that is not done at the first step."""

    def __await__(self) -> Generator[None, object, object]:
        return (yield)


async def through_the_gate() -> object:
    return await Gate()


class BreakerMachine(RuleBasedStateMachine):
    """Calls in both forms, side by side."""

    @initialize(policy=POLICIES)
    def begin(self, policy: BreakerPolicy) -> None:
        self.now = 100.0
        self.model = Model(policy)
        self.calls: list[Call] = []
        self.breaker = Breaker(
            "store",
            policy,
            counts=lambda error: isinstance(error, Trouble),
            fails=lambda result: result == "bad",
            clock=lambda: self.now,
            rng=lambda: 0.5,
        )

    @rule(block=st.booleans())
    def enter(self, block: bool) -> None:
        let_in = self.model.lets_in(self.now)
        probe = self.model.state is HALF_OPEN
        under_way = copy_context() if block else self.breaker.call(through_the_gate)
        if not let_in:
            with pytest.raises(BreakerOpen) as got:
                self.begin_call(under_way)
            assert got.value.retry_after == pytest.approx(self.model.retry_after(self.now))
            return
        self.begin_call(under_way)
        call = Call(self.model.era, self.now, probe, under_way)
        self.calls.append(call)
        if probe:
            self.model.probes.append(call)

    def begin_call(self, call: UnderWay) -> None:
        if isinstance(call, Context):
            call.run(self.breaker.__aenter__)
        else:
            call.send(None)

    @rule(which=st.integers(0, 50), outcome=st.sampled_from(OUTCOMES))
    def leave(self, which: int, outcome: BaseException | str | None) -> None:
        if not self.calls:
            return
        call = self.calls.pop(which % len(self.calls))
        if isinstance(call.under_way, Context):
            error = None if isinstance(outcome, str) else outcome
            kind = None if error is None else type(error)
            call.under_way.run(self.breaker.__aexit__, kind, error, None)
            failed = isinstance(outcome, Trouble)
        else:
            finish(call.under_way, outcome)
            failed = isinstance(outcome, Trouble) or outcome == "bad"
        if isinstance(outcome, Cancelled):
            self.model.probes = [probe for probe in self.model.probes if probe is not call]
        else:
            self.model.over(call, failed, self.now)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 5.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(order=st.sampled_from(["force_open", "force_close", "disable", "reset"]))
    def order(self, order: str) -> None:
        getattr(self.breaker, order)()
        state = {"force_open": FORCED_OPEN, "force_close": FORCED_CLOSED, "disable": DISABLED}
        if order == "reset":
            self.model.relapses = 0
        self.model.become(state.get(order, CLOSED), self.now)

    @invariant()
    def both_agree(self) -> None:
        seen, window = self.breaker.statistics(), self.model.window(self.now)
        assert (seen.state, seen.refused, seen.opened) == (
            self.model.state, self.model.refused, self.model.opened
        )  # fmt: skip
        assert (seen.calls, seen.failed, seen.slow) == (
            len(window), sum(call[1] for call in window), sum(call[2] for call in window)
        )  # fmt: skip
        assert seen.retry_after == pytest.approx(self.model.retry_after(self.now))

    def teardown(self) -> None:
        for call in getattr(self, "calls", ()):
            if not isinstance(call.under_way, Context):
                call.under_way.close()


def finish(call: Coroutine[None, None, object], outcome: BaseException | str | None) -> None:
    """Step a call to its end."""
    if isinstance(outcome, BaseException):
        with pytest.raises(type(outcome)):
            call.throw(outcome)
        return
    with pytest.raises(StopIteration) as got:
        call.send(outcome)  # type: ignore[arg-type]
    assert got.value.value == outcome


TestABreakerDoesWhatItsModelSays = BreakerMachine.TestCase
TestABreakerDoesWhatItsModelSays.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
