"""A tree as it is now, as a value: what `render` prints and an operator's page shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from supervision._health import Health


class Status(Enum):
    """What a supervisor knows of a child."""

    HELD = "HELD"
    """Not started, because it waits for another one."""
    STARTING = "STARTING"
    UP = "UP"
    RESTARTING = "RESTARTING"
    """It failed, and waits for its restart."""
    DONE = "DONE"
    """It stopped by itself, as it may."""
    DOWN = "DOWN"
    """It failed and is not restarted."""


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree. `kind` is a strategy, "virtual" or "actor"; times are in seconds.

    `since` is how long the health is what it is. `restarts` of at most `intensity` were made in the
    last `period`, by the supervisor that the node is or that it has."""

    name: str
    path: str
    kind: str
    status: Status
    health: Health
    since: float
    detail: str
    restarts: int
    intensity: int
    period: float
    next_restart: float | None
    last_error: str | None
    children: tuple[Node, ...] = ()

    def at_fault(self) -> tuple[Node, ...]:
        """The children that make this node less than OK."""
        return tuple(child for child in self.children if child.health is not Health.OK)
