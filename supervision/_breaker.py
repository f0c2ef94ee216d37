"""Breaker: stop calling what does not answer, and find out cheaply when it does again.

Rule: a call counts in the state in which it began, or not at all; a cancelled call counts as
nothing and returns its permit."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import inf
from types import TracebackType
from typing import TypeVar

from supervision._backoff import backoff
from supervision._breaker_table import TRANSITIONS, BreakerState, Event
from supervision._errors import BreakerOpen
from supervision._report import Context, Report
from supervision._window import CountWindow, Memory, TimeWindow, Totals

T = TypeVar("T")

# As globals, because a look-up in an enum class costs as much as a call.
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
FORCED_OPEN, DISABLED = BreakerState.FORCED_OPEN, BreakerState.DISABLED

CROWDED = 1.0
"""Seconds that a caller is told to wait while all probes are under way."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens and closes. Rates are shares between 0 and 1, times are seconds.

    It opens once `minimum_calls` are in the window and the failed reach `failure_rate` or those
    slower than `slow_call` reach `slow_rate`. It stays open for `open_for`, longer after each
    failed probe, up to `longest_open`; then `probes` calls at a time may try, and as many successes
    close it. A probe that is not back after `probe_timeout` gives its place to another."""

    window: CountWindow | TimeWindow = field(default_factory=CountWindow)
    failure_rate: float = 0.5
    slow_call: float = inf
    slow_rate: float = 1.0
    minimum_calls: int = 10
    open_for: float = 5.0
    longest_open: float = 60.0
    probes: int = 1
    probe_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class BreakerStatistics:
    """What a breaker knows. `calls`, `failed`, `slow` are of the window; the rest since the start;
    `retry_after` (seconds) is 0 where calls pass."""

    name: str
    state: BreakerState
    calls: int
    failed: int
    slow: int
    failure_rate: float
    slow_rate: float
    refused: int
    opened: int
    retry_after: float
    last_error: str | None


def is_failure(error: BaseException) -> bool:
    """The default: every Exception is a failure of what was called; a cancellation is not."""
    return isinstance(error, Exception)


class _Permit:
    __slots__ = ("began", "era", "probe")

    def __init__(self, era: int, began: float, probe: bool) -> None:
        self.era = era
        self.began = began
        self.probe = probe


_permits: ContextVar[tuple[_Permit, ...]] = ContextVar("supervision.permits", default=())


class Breaker:
    """`async with breaker:` around a call, or `await breaker.call(function)`.

    Raises BreakerOpen without calling. `counts` says which errors are failures; others are
    successes, since whoever raised them answered. For one event loop, like everything here."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy | None = None,
        *,
        counts: Callable[[BaseException], bool] = is_failure,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self.name = name
        self.policy = policy or BreakerPolicy()
        self._counts = counts
        self._clock = clock
        self._rng = rng
        self._report = report
        self._state = CLOSED
        self._era = 0
        self._untimed = self._shared_permit()
        self._memory: Memory = self.policy.window.memory()
        self._probes: set[_Permit] = set()
        self._recovered = 0
        self._relapses = 0
        self._reopens_at = 0.0
        self._refused = 0
        self._opened = 0
        self._last_error: str | None = None

    @property
    def state(self) -> BreakerState:
        """What the breaker does with a call now."""
        return self._state

    async def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Await `function()`, unless the breaker is open."""
        permit = self._enter()
        try:
            result = await function()
        except BaseException as error:
            self._leave(permit, error)
            raise
        self._leave(permit, None)
        return result

    async def __aenter__(self) -> None:
        _permits.set((*_permits.get(), self._enter()))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        *rest, permit = _permits.get()
        _permits.set(tuple(rest))
        self._leave(permit, error)

    def _enter(self) -> _Permit:
        state = self._state
        if state is CLOSED and self._untimed is not None:
            return self._untimed
        now = self._clock()
        if state is OPEN and now >= self._reopens_at:
            self._move(Event.WAITED, now)
            state = self._state
        if state is OPEN or state is FORCED_OPEN:
            raise self._refusal(now)
        if state is not HALF_OPEN:
            return _Permit(self._era, now, False)
        lost = {probe for probe in self._probes if now - probe.began >= self.policy.probe_timeout}
        self._probes -= lost
        if len(self._probes) + self._recovered >= self.policy.probes:
            raise self._refusal(now)
        probe = _Permit(self._era, now, True)
        self._probes.add(probe)
        return probe

    def _shared_permit(self) -> _Permit | None:
        """One permit for all calls of an era, where nobody asks when each of them began."""
        return _Permit(self._era, 0.0, False) if self.policy.slow_call == inf else None

    def _refusal(self, now: float) -> BreakerOpen:
        self._refused += 1
        return BreakerOpen(self.name, self._retry_after(now))

    def _retry_after(self, now: float) -> float:
        match self._state:
            case BreakerState.OPEN:
                return max(0.0, self._reopens_at - now)
            case BreakerState.FORCED_OPEN:
                return self.policy.longest_open
            case BreakerState.HALF_OPEN:
                full = len(self._probes) + self._recovered >= self.policy.probes
                return CROWDED if full else 0.0
            case _:
                return 0.0

    def _leave(self, permit: _Permit, error: BaseException | None) -> None:
        if permit.probe:
            known = permit in self._probes
            self._probes.discard(permit)
            if not known:
                return
        if permit.era != self._era or self._state is DISABLED:
            return
        if error is not None and not isinstance(error, Exception):
            return
        now = self._clock()
        failed = error is not None and self._counts(error)
        slow = permit is not self._untimed and now - permit.began >= self.policy.slow_call
        if failed:
            self._last_error = f"{type(error).__name__}: {error}"
        self._memory.add(now, failed, slow)
        if permit.probe:
            self._judge_probe(now, failed or slow)
        elif (failed or slow) and self._state is CLOSED and self._too_bad(now):
            self._move(Event.TRIPPED, now)

    def _judge_probe(self, now: float, bad: bool) -> None:
        if bad:
            self._relapses += 1
            self._move(Event.RELAPSED, now)
            return
        self._recovered += 1
        if self._recovered >= self.policy.probes:
            self._relapses = 0
            self._move(Event.RECOVERED, now)

    def _too_bad(self, now: float) -> bool:
        totals, policy = self._memory.totals(now), self.policy
        return totals.calls >= policy.minimum_calls and (
            totals.failed >= policy.failure_rate * totals.calls > 0 < totals.failed
            or totals.slow >= policy.slow_rate * totals.calls > 0 < totals.slow
        )

    def _move(self, event: Event, now: float) -> None:
        before, totals = self._state, self._memory.totals(now)
        self._state = TRANSITIONS[before, event]
        self._era += 1
        self._untimed = self._shared_permit()
        self._probes.clear()
        self._recovered = 0
        if self._state is OPEN:
            self._opened += 1
            self._reopens_at = now + self._open_time()
        else:
            self._memory = self.policy.window.memory()
        if self._report is not None and before is not self._state:
            self._report(self._describe(before, event, totals, now))

    def _open_time(self) -> float:
        """The open time, and after relapses more of it, with jitter on what is added."""
        policy = self.policy
        if not self._relapses:
            return policy.open_for
        room = max(0.0, policy.longest_open - policy.open_for)
        return policy.open_for + backoff(
            self._relapses, base=policy.open_for, cap=room, rng=self._rng
        )

    def _describe(self, before: BreakerState, event: Event, totals: Totals, now: float) -> Report:
        reason = f"{before.value} to {self._state.value}: {event.value}"
        if event is Event.TRIPPED:
            reason += f" ({totals.failed} failed, {totals.slow} slow, of {totals.calls})"
        if event in (Event.TRIPPED, Event.RELAPSED) and self._last_error is not None:
            reason += f", last {self._last_error}"
        return Report(self.name, Context.BREAKER, reason, self.name, now)

    def force_open(self) -> None:
        """Refuse every call until `reset()`."""
        self._move(Event.FORCE_OPEN, self._clock())

    def disable(self) -> None:
        """Let every call through and count nothing until `reset()`."""
        self._move(Event.DISABLE, self._clock())

    def only_measure(self) -> None:
        """Let every call through, count it, never open, until `reset()`."""
        self._move(Event.ONLY_MEASURE, self._clock())

    def reset(self) -> None:
        """Close, forget the window, and go on normally."""
        self._relapses = 0
        self._move(Event.RESET, self._clock())

    def statistics(self) -> BreakerStatistics:
        """What the breaker knows now."""
        now = self._clock()
        totals = self._memory.totals(now)
        calls = max(1, totals.calls)
        return BreakerStatistics(
            name=self.name,
            state=self._state,
            calls=totals.calls,
            failed=totals.failed,
            slow=totals.slow,
            failure_rate=totals.failed / calls,
            slow_rate=totals.slow / calls,
            refused=self._refused,
            opened=self._opened,
            retry_after=self._retry_after(now),
            last_error=self._last_error,
        )
