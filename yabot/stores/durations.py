"""How long things took, as counts in fixed steps: cheap to add to, frozen to read."""

from bisect import bisect_left
from dataclasses import dataclass

STEPS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds in seconds; what takes longer is counted beyond the last."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` durations were at most `steps[i]` seconds; the last count is of those beyond."""

    steps: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


class Durations:
    """A histogram that grows."""

    def __init__(self) -> None:
        self._counts = [0] * (len(STEPS) + 1)
        self._total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(STEPS, seconds)] += 1
        self._total += seconds

    def read(self) -> Histogram:
        """The counts so far."""
        return Histogram(STEPS, tuple(self._counts), self._total)
