"""A tree as it is now, as a value: what `render` prints and an operator's page shows."""

from __future__ import annotations

from dataclasses import dataclass

from supervision._health import Health
from supervision._life import Status
from supervision._report import Report


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree. `kind` is a strategy, "virtual" or "actor"; times are in seconds.

    `since` is how long the health is what it is, `reason` why it is not OK. `restarts` of at most
    `intensity` were made in the last `period`, by the supervisor that the node is or that it has.
    `reports` are the latest of the tree, on its top, as many as were asked for."""

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
    reason: str = ""
    reports: tuple[Report, ...] = ()

    def at_fault(self) -> tuple[Node, ...]:
        """The children that make this node less than OK."""
        return tuple(child for child in self.children if child.health is not Health.OK)
