"""How the interpreter is set for a process that serves many at once and lives long.

The rule: what is set here holds for the whole process, so only what starts one calls it.
"""

import gc
import sys

SWITCH_INTERVAL = 0.0002
"""Seconds until a thread that waits for the interpreter gets it from a busy one.

The thread that writes, for which everybody waits, gives it away with each run of a statement; at
Python's own 0.005 it gets nowhere while the event loop is busy.
"""

COLLECTING = (50_000, 20, 100)
"""The collector's thresholds: a burst of turns in flight is no garbage, and is left alone."""


def settle() -> None:
    """Take what was built to stay out of the collector's sight, and set what the process needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTING)
    sys.setswitchinterval(SWITCH_INTERVAL)
