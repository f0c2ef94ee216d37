"""What a breaker remembers of calls: the last so many, or those of the last so many seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Totals(NamedTuple):
    """Counts over a window. A call can be failed and slow at once."""

    calls: int
    failed: int
    slow: int


class Memory(Protocol):
    """A window that fills. The first argument is the time, in seconds."""

    def add(self, _now: float, failed: bool, slow: bool, /) -> None: ...

    def totals(self, _now: float, /) -> Totals: ...


@dataclass(frozen=True, slots=True)
class CountWindow:
    """The last `calls` calls."""

    calls: int = 100

    def memory(self) -> Memory:
        """An empty window."""
        return _Ring(self.calls)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The calls of the last `seconds`, to the second."""

    seconds: int = 60

    def memory(self) -> Memory:
        """An empty window."""
        return _Seconds(self.seconds)


class _Ring:
    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a window holds at least one call, not {size}")
        self._marks: deque[int] = deque(maxlen=size)
        self._size = size
        self._failed = 0
        self._slow = 0

    def add(self, _now: float, failed: bool, slow: bool) -> None:
        marks = self._marks
        if len(marks) == self._size and (gone := marks[0]):
            self._failed -= gone & 1
            self._slow -= gone >> 1
        if failed or slow:
            self._failed += failed
            self._slow += slow
            marks.append(failed | slow << 1)
        else:
            marks.append(0)

    def totals(self, _now: float) -> Totals:
        return Totals(len(self._marks), self._failed, self._slow)


class _Seconds:
    def __init__(self, seconds: int) -> None:
        if seconds < 1:
            raise ValueError(f"a window lasts at least a second, not {seconds}")
        self._seconds = seconds
        self._buckets: deque[list[int]] = deque()
        self._calls = 0
        self._failed = 0
        self._slow = 0

    def add(self, now: float, failed: bool, slow: bool) -> None:
        second = int(now)
        if not self._buckets or self._buckets[-1][0] != second:
            self._forget(now)
            self._buckets.append([second, 0, 0, 0])
        bucket = self._buckets[-1]
        bucket[1] += 1
        bucket[2] += failed
        bucket[3] += slow
        self._calls += 1
        self._failed += failed
        self._slow += slow

    def totals(self, now: float) -> Totals:
        self._forget(now)
        return Totals(self._calls, self._failed, self._slow)

    def _forget(self, now: float) -> None:
        oldest = int(now) - self._seconds
        while self._buckets and self._buckets[0][0] <= oldest:
            _, calls, failed, slow = self._buckets.popleft()
            self._calls -= calls
            self._failed -= failed
            self._slow -= slow
