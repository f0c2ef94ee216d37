"""What supervision itself can fail with.

SupervisionError
├── Escalated        more restarts than a supervisor may make: it gives up, its parent takes over
├── StartTimeout     a child's `started()` did not return in time
├── UnknownChild     no such path in this tree
├── TooManyChildren  a supervisor takes no more of them
└── BreakerOpen      the call was not made; carries `retry_after`
"""

from __future__ import annotations


class SupervisionError(Exception):
    """The base of every error of this package."""


class Escalated(SupervisionError):
    """A supervisor restarted more often than it may. `__cause__` is the last failure."""

    def __init__(self, supervisor: str, offender: str, intensity: int, period: float) -> None:
        super().__init__(
            f"{supervisor} gives up: {offender} needed one more than {intensity} restarts "
            f"in {period:g} s"
        )
        self.supervisor = supervisor
        self.offender = offender


class StartTimeout(SupervisionError):
    """A child's `started()` did not return in time."""

    def __init__(self, child: str, timeout: float) -> None:
        super().__init__(f"{child} was not ready after {timeout:g} s")
        self.child = child
        self.timeout = timeout


class UnknownChild(SupervisionError):
    """No child of this tree has that path."""

    def __init__(self, path: str, known: tuple[str, ...]) -> None:
        super().__init__(f"no child at {path!r}; there are {', '.join(known)}")
        self.path = path


class TooManyChildren(SupervisionError):
    """A supervisor has as many children as it may: remove one before another is added."""

    def __init__(self, supervisor: str, limit: int) -> None:
        super().__init__(f"{supervisor} has {limit} children and takes no more")
        self.supervisor = supervisor
        self.limit = limit


class BreakerOpen(SupervisionError):
    """The breaker did not let the call through: nothing happened.

    `retry_after` (seconds) is when it will let a call through to probe."""

    def __init__(self, breaker: str, retry_after: float) -> None:
        super().__init__(f"breaker {breaker} is open: try again in {retry_after:.1f} s")
        self.breaker = breaker
        self.retry_after = retry_after
