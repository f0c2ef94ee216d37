"""What happened, in one shape: supervisor, context, reason, offender. An operator learns one form.

The four fields are those of OTP's supervisor reports. Rule: whatever happens is one report, and it
goes to the log, to the counts, to the history and to the observers, or to none of them."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

log = logging.getLogger("supervision")


class Context(Enum):
    """What a report is about."""

    CHILD_FAILED = "child_failed"
    """A child crashed, or stopped although it is permanent."""
    START_FAILED = "start_failed"
    """A child's `started()` raised or took too long."""
    CHILD_RESTARTED = "child_restarted"
    """A child runs again."""
    CHILD_ENDED = "child_ended"
    """A child ended and is not restarted."""
    ESCALATED = "escalated"
    """A supervisor gave up."""
    STOPPED = "stopped"
    """A child failed when its supervisor had ended already."""
    BREAKER = "breaker"
    """A breaker changed its state."""
    DEAD_LETTER = "dead_letter"
    """Nobody handled a message."""
    ALERT = "alert"
    """The application asks for somebody's attention."""


_LEVELS = {
    Context.CHILD_RESTARTED: logging.INFO,
    Context.CHILD_ENDED: logging.INFO,
    Context.ESCALATED: logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened, at `at` seconds on the clock of who reports it."""

    supervisor: str
    context: Context
    reason: str
    offender: str
    at: float


class Reports:
    """The latest reports, how many there were, and those who want each of them. Bounded."""

    def __init__(self, capacity: int = 256) -> None:
        self._history: deque[Report] = deque(maxlen=capacity)
        self._counts: Counter[Context] = Counter()
        self._observers: list[Callable[[Report], None]] = []

    def observe(self, callback: Callable[[Report], None]) -> None:
        """Call `callback` with every further report. It must not wait; its errors are logged."""
        self._observers.append(callback)

    def add(self, report: Report) -> None:
        """Log a report, count it, keep it and show it to the observers."""
        log.log(
            _LEVELS.get(report.context, logging.WARNING),
            f"supervision.{report.context.value}",
            extra={
                "supervisor": report.supervisor,
                "context": report.context.value,
                "reason": report.reason,
                "offender": report.offender,
            },
        )
        self._counts[report.context] += 1
        self._history.append(report)
        for observer in self._observers:
            try:
                observer(report)
            except Exception:
                log.exception("supervision.observer_failed")

    def history(self) -> tuple[Report, ...]:
        """The reports that are kept, the oldest first."""
        return tuple(self._history)

    def counts(self) -> Mapping[Context, int]:
        """How many there were since the start, by context: for metrics."""
        return MappingProxyType({context: self._counts[context] for context in Context})
