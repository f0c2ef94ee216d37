"""The life of a child as its supervisor sees it: the states and every way between them. Pure.

Rule: what is not in the table does not happen; the drawing in the README is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Status(Enum):
    """What a supervisor knows of a child."""

    HELD = "HELD"
    """Not started, because its turn has not come. Its mailbox takes mail."""
    STARTING = "STARTING"
    """Its `started()` runs."""
    UP = "UP"
    RESTARTING = "RESTARTING"
    """It failed, and waits for its restart. Its mail waits with it."""
    DONE = "DONE"
    """It stopped by itself, as it may, or with the tree."""
    DOWN = "DOWN"
    """It failed and is not restarted."""


class Step(Enum):
    """What changes the status of a child."""

    BEGINS = "its turn has come"
    READY = "it is ready"
    FAILS = "it failed, or stopped though it is permanent"
    WAITED = "the delay is over"
    RESTS = "it is put to rest with others"
    LEAVES = "it stopped by itself, as it may"
    IS_LOST = "it failed and is temporary"
    ANEW = "its supervisor starts anew, or it is ordered to restart"
    STOPS = "it is stopped for good"


LIFE: Mapping[tuple[Status, Step], Status] = MappingProxyType(
    {
        (Status.HELD, Step.BEGINS): Status.STARTING,
        (Status.STARTING, Step.READY): Status.UP,
        (Status.STARTING, Step.FAILS): Status.RESTARTING,
        (Status.UP, Step.FAILS): Status.RESTARTING,
        (Status.RESTARTING, Step.WAITED): Status.HELD,
        (Status.UP, Step.RESTS): Status.HELD,
        (Status.STARTING, Step.RESTS): Status.HELD,
        (Status.UP, Step.LEAVES): Status.DONE,
        (Status.STARTING, Step.IS_LOST): Status.DOWN,
        (Status.UP, Step.IS_LOST): Status.DOWN,
        **{(status, Step.ANEW): Status.HELD for status in Status},
        **{(status, Step.STOPS): Status.DONE for status in Status},
    }
)
