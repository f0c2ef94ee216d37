"""How much memory this process holds, for families that passivate when it is short.

Rule: asking costs microseconds, so it may be asked every second."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path

STATM = Path("/proc/self/statm")


def memory_above(limit: int) -> Callable[[], bool]:
    """Whether this process holds more than `limit` bytes of resident memory, for `pressed`."""
    return lambda: resident_memory() > limit


def resident_memory() -> int:
    """Bytes of resident memory; where the system doesn't tell, the most there ever were."""
    try:
        return int(STATM.read_text().split()[1]) * resource.getpagesize()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
