"""What happened, in one shape: supervisor, context, reason, offender. An operator learns one form.

The four fields are those of OTP's supervisor reports. Rule: a report is a value; nobody formats it
before somebody reads it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

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
    """A child did not stop by itself, or a whole tree ended."""
    BREAKER = "breaker"
    """A breaker changed its state."""


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened, at `at` seconds on the clock of who reports it."""

    supervisor: str
    context: Context
    reason: str
    offender: str
    at: float


class Reports:
    """The latest reports, and those who want each of them. Bounded."""

    def __init__(self, capacity: int = 256) -> None:
        self._history: deque[Report] = deque(maxlen=capacity)
        self._observers: list[Callable[[Report], None]] = []

    def observe(self, callback: Callable[[Report], None]) -> None:
        """Call `callback` with every further report. It must not wait; its errors are logged."""
        self._observers.append(callback)

    def add(self, report: Report) -> None:
        """Keep a report and show it to the observers."""
        self._history.append(report)
        for observer in self._observers:
            try:
                observer(report)
            except Exception:
                log.exception("supervision.observer_failed")

    def history(self) -> tuple[Report, ...]:
        """The reports that are kept, the oldest first."""
        return tuple(self._history)
