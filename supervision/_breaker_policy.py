"""What the owner of a breaker decides, and what the breaker tells in return: values. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from supervision._breaker_table import BreakerState
from supervision._window import CountWindow, TimeWindow, Totals


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

    def __post_init__(self) -> None:
        room = self.window.calls if isinstance(self.window, CountWindow) else inf
        if not (0 < self.failure_rate <= 1 and 0 < self.slow_rate <= 1):
            raise ValueError(f"a rate is a share of calls, above 0 and at most 1: {self}")
        if not 1 <= self.minimum_calls <= room:
            raise ValueError(f"a window of {room} calls never has {self.minimum_calls} to judge by")
        if self.probes < 1 or min(self.open_for, self.longest_open, self.probe_timeout) < 0:
            raise ValueError(f"it takes a probe to close, and times are not negative: {self}")

    def too_bad(self, totals: Totals) -> bool:
        """Whether a closed breaker with such a window opens."""
        calls, failed, slow = totals
        return calls >= self.minimum_calls and (
            (failed > 0 and failed >= self.failure_rate * calls)
            or (slow > 0 and slow >= self.slow_rate * calls)
        )


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
