"""What a running system looks like from outside: frozen values, gathered on demand.

Rule: only cells with something to do are looked at, so a snapshot of many idle actors is cheap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING

from actors._dead_letters import Reason
from actors._durations import Durations

if TYPE_CHECKING:
    from actors._cell import Cell
    from actors._runtime import Runtime

TOP = 10
"""Actors listed one by one."""


@dataclass(frozen=True, slots=True)
class ActorStatistics:
    """One actor: messages that wait, seconds that the oldest has waited, crashes in a row.

    Where several wait that no handler sent and nobody waits for, their age is known to within one
    turn of the actor."""

    name: str
    state: str
    depth: int
    oldest_wait: float
    crashes: int


@dataclass(frozen=True, slots=True)
class VirtualStatistics:
    """A family of virtual actors. `full` counts mailboxes without room now."""

    name: str
    live: int
    activated: int
    passivated: int
    full: int
    oldest_wait: float
    top: tuple[ActorStatistics, ...]


@dataclass(frozen=True, slots=True)
class SystemSnapshot:
    """A whole system. `workers` are tasks, `busy` those at work; counts are since the start.

    `waits` (on the system's clock) and `handlings` (in real time) are of the messages that were
    timed: all of them in a quiet system, one in a tenth of a millisecond in a busy one."""

    name: str
    actors: int
    handled: int
    waits: Durations
    handlings: Durations
    waiting: int
    oldest_wait: float
    ready: int
    workers: int
    busy: int
    resting: int
    crashes: int
    restarts: int
    blocked: int
    dead_letters: Mapping[Reason, int]
    top: tuple[ActorStatistics, ...]
    families: tuple[VirtualStatistics, ...]


def active_cells(runtime: Runtime) -> list[Cell]:
    """The cells that may have mail: ready, at work, held or waiting for a restart."""
    workers = runtime.workers
    at_work = (worker.cell for worker in workers.all if worker.cell is not None)
    return list(dict.fromkeys([*workers.ready, *at_work, *runtime.resting]))


def oldest_wait(runtime: Runtime, cells: Iterable[Cell]) -> float:
    """Seconds that the oldest waiting message has waited."""
    now = runtime.backend.now()
    return max((now - cell.oldest(now) for cell in cells), default=0.0)


def actor_statistics(runtime: Runtime, cell: Cell) -> ActorStatistics:
    """One actor now."""
    return ActorStatistics(
        name=cell.name,
        state=cell.state.value,
        depth=cell.depth,
        oldest_wait=oldest_wait(runtime, [cell]),
        crashes=cell.crashes,
    )


def top_by_depth(runtime: Runtime, cells: Iterable[Cell]) -> tuple[ActorStatistics, ...]:
    """The actors with the longest mailboxes, the longest first."""
    deepest = nlargest(TOP, cells, key=lambda cell: cell.depth)
    return tuple(actor_statistics(runtime, cell) for cell in deepest)
