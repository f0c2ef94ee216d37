"""How long messages wait and how long they are handled: two histograms for a whole system.

Rule: nothing is kept for each actor, and only one message in a tenth of a millisecond is timed, so
that a busy system pays nothing for it and a quiet one times every message."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

BOUNDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
    0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Seconds; each bound belongs to the durations below it."""


@dataclass(frozen=True, slots=True)
class Durations:
    """The durations that were seen since the start: how many up to each bound, and their sum.

    `counts` has one number for each bound, of those since the bound before, and one for the longer
    ones."""

    counts: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)

    @property
    def cumulative(self) -> dict[float, int]:
        """How many there were up to each bound."""
        return dict(zip(BOUNDS, accumulate(self.counts), strict=False))


class Histogram:
    """Counts durations as they come."""

    __slots__ = ("_counts", "_seconds")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Something took so long."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._seconds += seconds

    def read(self) -> Durations:
        """What was counted until now."""
        return Durations(tuple(self._counts), self._seconds)
