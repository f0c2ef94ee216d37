"""How often something was so within the last minute, in a fixed 60 slots."""

from collections.abc import Callable

SECONDS = 60


class ShareOfLastMinute:
    """Counts happenings per second, and those of them that count."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._second = [-1] * SECONDS
        self._all = [0] * SECONDS
        self._counted = [0] * SECONDS

    def add(self, *, counts: bool) -> None:
        """Something happened now."""
        second = int(self._clock())
        slot = second % SECONDS
        if self._second[slot] != second:
            self._second[slot], self._all[slot], self._counted[slot] = second, 0, 0
        self._all[slot] += 1
        self._counted[slot] += counts

    def read(self) -> float:
        """The share, from 0 to 1; 0 where nothing happened."""
        oldest = int(self._clock()) - SECONDS
        recent = [slot for slot in range(SECONDS) if self._second[slot] > oldest]
        total = sum(self._all[slot] for slot in recent)
        return sum(self._counted[slot] for slot in recent) / total if total else 0.0
