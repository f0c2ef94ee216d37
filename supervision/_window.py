"""What a breaker remembers of calls: the last so many, or those of the last so many seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Totals(NamedTuple):
    """Counts over a window. A call can be failed and slow at once."""

    calls: int
    failed: int
    slow: int


class Memory(Protocol):
    """A window that fills."""

    def add(self, failed: bool, slow: bool, /) -> None: ...

    def totals(self) -> Totals: ...


@dataclass(frozen=True, slots=True)
class CountWindow:
    """The last `calls` calls."""

    calls: int = 100

    def __post_init__(self) -> None:
        if self.calls < 1:
            raise ValueError(f"a window holds at least one call, not {self.calls}")

    def memory(self, _clock: Callable[[], float]) -> Memory:
        """An empty window, which needs no clock."""
        return _Ring(self.calls)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The calls of the last `seconds`, to the second."""

    seconds: int = 60

    def __post_init__(self) -> None:
        if self.seconds < 1:
            raise ValueError(f"a window lasts at least a second, not {self.seconds}")

    def memory(self, clock: Callable[[], float]) -> Memory:
        """An empty window by this clock."""
        return _Seconds(self.seconds, clock)


class _Ring:
    def __init__(self, size: int) -> None:
        self._marks: deque[int] = deque(maxlen=size)
        self._full_and_well = False
        self._size = size
        self._failed = 0
        self._slow = 0

    def add(self, failed: bool, slow: bool) -> None:
        # A window full of successes stays what it is when one of them makes room for another.
        if self._full_and_well and not (failed or slow):
            return
        marks = self._marks
        if len(marks) == self._size:
            self._failed -= marks[0] & 1
            self._slow -= marks[0] >> 1
        marks.append(failed | slow << 1)
        self._failed += failed
        self._slow += slow
        self._full_and_well = len(marks) == self._size and not (self._failed or self._slow)

    def totals(self) -> Totals:
        return Totals(len(self._marks), self._failed, self._slow)


class _Seconds:
    """Counts for good, and notes at the first call of a second what had been counted before it:
    what the window holds is a difference."""

    def __init__(self, seconds: int, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._starts: deque[tuple[int, Totals]] = deque()
        self._second: int | None = None
        self._calls = 0
        self._failed = 0
        self._slow = 0

    def add(self, failed: bool, slow: bool) -> None:
        second = int(self._clock())
        if second != self._second:
            self._forget(second)
            self._starts.append((second, Totals(self._calls, self._failed, self._slow)))
            self._second = second
        self._calls += 1
        if failed or slow:
            self._failed += failed
            self._slow += slow

    def totals(self) -> Totals:
        self._forget(int(self._clock()))
        if not self._starts:
            return Totals(0, 0, 0)
        before = self._starts[0][1]
        return Totals(
            self._calls - before.calls, self._failed - before.failed, self._slow - before.slow
        )

    def _forget(self, second: int) -> None:
        while self._starts and self._starts[0][0] <= second - self._seconds:
            self._starts.popleft()
