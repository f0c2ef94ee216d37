"""The circuit inside a breaker: who may pass, what counts, when its state changes.

Rule: a call counts in the state in which it began, or not at all; a cancelled call counts as
nothing and returns its permit."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from supervision._backoff import backoff
from supervision._breaker_policy import BreakerPolicy
from supervision._breaker_table import TRANSITIONS, BreakerState, Event
from supervision._errors import BreakerOpen
from supervision._report import Context, Report
from supervision._window import Memory, Totals

# As globals, because a look-up in an enum class costs as much as a call.
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
FORCED_OPEN, DISABLED = BreakerState.FORCED_OPEN, BreakerState.DISABLED

CROWDED = 1.0
"""Seconds that a caller is told to wait while all probes are under way."""


class Permit:
    """One call that was let through; `era` is the number of the state in which it began."""

    __slots__ = ("began", "circuit", "era", "left", "probe")

    def __init__(self, circuit: Circuit, era: int, began: float, probe: bool) -> None:
        self.circuit = circuit
        self.era = era
        self.began = began
        self.probe = probe
        self.left = False


class Circuit:
    """The machine: `_enter` gives a permit or refuses, `_leave` takes it back and judges."""

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy,
        *,
        counts: Callable[[Exception], bool],
        clock: Callable[[], float],
        rng: Callable[[], float],
        report: Callable[[Report], None] | None,
    ) -> None:
        self.name = name
        self.policy = policy
        self._counts = counts
        self._clock = clock
        self._rng = rng
        self._report = report
        self._state = CLOSED
        self._era = 0
        self._shared = self._shared_permit()
        self._memory: Memory = policy.window.memory(clock)
        self._probes: set[Permit] = set()
        self._recovered = 0
        self._relapses = 0
        self._reopens_at = 0.0
        self._refused = 0
        self._opened = 0
        self._last_error: str | None = None

    def _shared_permit(self) -> Permit | None:
        """One permit for all calls of an era: while closed, where nobody asks how long they took.

        It began never, so none of them is slow."""
        if self._state is CLOSED and self.policy.slow_call == inf:
            return Permit(self, self._era, inf, False)
        return None

    def _enter(self) -> Permit:
        """A permit of its own for one call. Raises BreakerOpen."""
        now = self._clock()
        if self._state is OPEN and now >= self._reopens_at:
            self._move(Event.WAITED)
        state = self._state
        if state is OPEN or state is FORCED_OPEN:
            raise self._refusal(now)
        if state is not HALF_OPEN:
            return Permit(self, self._era, now, False)
        lost = {probe for probe in self._probes if now - probe.began >= self.policy.probe_timeout}
        self._probes -= lost
        if self._is_crowded():
            raise self._refusal(now)
        probe = Permit(self, self._era, now, True)
        self._probes.add(probe)
        return probe

    def _is_crowded(self) -> bool:
        return len(self._probes) + self._recovered >= self.policy.probes

    def _refusal(self, now: float) -> BreakerOpen:
        self._refused += 1
        return BreakerOpen(self.name, self._retry_after(now))

    def _retry_after(self, now: float) -> float:
        """Seconds until a call may pass; 0 where calls pass."""
        match self._state:
            case BreakerState.OPEN:
                return max(0.0, self._reopens_at - now)
            case BreakerState.FORCED_OPEN:
                return self.policy.longest_open
            case BreakerState.HALF_OPEN if self._is_crowded():
                return CROWDED
            case _:
                return 0.0

    def _leave(self, permit: Permit, error: BaseException | None, trouble: str = "") -> None:
        """Count how a call ended: with an error, with trouble that it returned, or well."""
        if permit.probe:
            known = permit in self._probes
            self._probes.discard(permit)
            if not known:
                return
        if permit.era != self._era or self._state is DISABLED:
            return
        if error is not None:
            if not isinstance(error, Exception):
                return
            trouble = f"{type(error).__name__}: {error}" if self._counts(error) else ""
        slow = self._clock() - permit.began >= self.policy.slow_call
        self._memory.add(bool(trouble), slow)
        self._last_error = trouble or self._last_error
        if permit.probe:
            self._judge_probe(bool(trouble) or slow)
        elif (trouble or slow) and self._state is CLOSED and self._is_too_bad():
            self._move(Event.TRIPPED)

    def _is_too_bad(self) -> bool:
        return self.policy.too_bad(self._memory.totals())

    def _judge_probe(self, bad: bool) -> None:
        if bad:
            self._relapses += 1
            self._move(Event.RELAPSED)
            return
        self._recovered += 1
        if self._recovered >= self.policy.probes:
            self._relapses = 0
            self._move(Event.RECOVERED)

    def _move(self, event: Event) -> None:
        """Change the state as the table says, and begin a new era."""
        now, before, totals = self._clock(), self._state, self._memory.totals()
        self._state = TRANSITIONS[before, event]
        self._era += 1
        self._shared = self._shared_permit()
        self._probes.clear()
        self._recovered = 0
        if self._state is OPEN:
            self._opened += 1
            self._reopens_at = now + self._open_time()
        else:
            self._memory = self.policy.window.memory(self._clock)
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
