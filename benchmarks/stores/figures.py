"""Reading durations: percentiles, and where time was lost besides the commit."""

import asyncio
import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter, thread_time

BEAT = 0.005
"""Seconds between two beats of the loop's heart."""


SYNCS = 200
TURN_BYTES = 14 * 4096
"""What the commit of one turn writes to the log: a page of each table and index that it touches."""


def syncs() -> Sequence[float]:
    """Seconds in which the disk of temporary files makes one turn's pages durable, each time."""
    taken: list[float] = []
    with TemporaryFile(prefix="yabot-bench-") as file:
        for _ in range(SYNCS):
            os.pwrite(file.fileno(), os.urandom(TURN_BYTES), 0)
            began = perf_counter()
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - began)
    return taken


def percentile(durations: Sequence[float], share: float) -> float:
    """The duration that `share` of all do not exceed."""
    ordered = sorted(durations)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def waited() -> float:
    """Seconds that the threads of this process were ready and had no core; 0 where not known.

    It tells how much of a stall is the machine's other work.
    """
    threads = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[1]) for thread in threads) / 1e9


@dataclass
class Pauses:
    """How late the loop woke up, and how much CPU the collector took, in seconds, each time.

    `waited` is for how many seconds the threads had no core.
    """

    late: list[float] = field(default_factory=list)
    collecting: list[float] = field(default_factory=list)
    waited: float = 0.0
    _began: float = 0.0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count the pauses of this block."""
        beating = asyncio.create_task(self._beat())
        gc.callbacks.append(self._collected)
        before = waited()
        try:
            yield
        finally:
            self.waited = waited() - before
            gc.callbacks.remove(self._collected)
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            due = perf_counter() + BEAT
            await asyncio.sleep(BEAT)
            self.late.append(perf_counter() - due)

    def _collected(self, phase: str, _details: dict[str, int]) -> None:
        if phase == "start":
            self._began = thread_time()
        else:
            self.collecting.append(thread_time() - self._began)
