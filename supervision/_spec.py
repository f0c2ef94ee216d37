"""What a tree shall be, as a literal: supervisors, children, and how they are restarted.

Rule: a specification is a frozen value; nothing runs until `run_tree`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from actors import Actor, Mailbox, VirtualActors
from supervision._backoff import Backoff
from supervision._health import Health
from supervision._strategy import Strategy


class RestartType(Enum):
    """When a child is restarted. The names are OTP's."""

    PERMANENT = "permanent"
    """Always, also where it stopped by itself."""
    TRANSIENT = "transient"
    """After a crash; where it stopped by itself it is done."""
    TEMPORARY = "temporary"
    """Never."""


@dataclass(frozen=True, slots=True)
class Child:
    """One child of a supervisor: an actor, a family of virtual actors, or a supervisor.

    Its `started()` has `start_timeout` seconds; a stop lets it drain for `shutdown` seconds and
    then cancels it. `critical`: without it the whole is down, else only degraded. `detail` and
    `health` are asked whenever the tree is printed, and must not wait. The supervisor starts and
    stops everything but a family, which it only stops and shows."""

    name: str
    start: Start
    restart: RestartType = RestartType.PERMANENT
    shutdown: float = 5.0
    start_timeout: float = 30.0
    critical: bool = True
    mailbox: Mailbox = field(default_factory=Mailbox)
    detail: Callable[[], str] | None = None
    health: Callable[[], Health] | None = None


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A supervisor: at most `intensity` restarts within `period` seconds, then it gives up.

    Children start in order and stop in reverse."""

    name: str
    children: tuple[Child | Supervisor, ...]
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 5
    period: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
    critical: bool = True

    def __post_init__(self) -> None:
        names = [child.name for child in self.children]
        if len(set(names)) < len(names) or any("/" in name for name in names):
            raise ValueError(f"children of {self.name} need names that differ, without /: {names}")
        if self.intensity < 0 or self.period <= 0:
            raise ValueError(f"{self.name}: no intensity of {self.intensity} in {self.period} s")

    def as_children(self) -> Iterator[Child]:
        """The children in one form; a supervisor among them stops as slowly as its parts."""
        for child in self.children:
            if isinstance(child, Supervisor):
                yield Child(child.name, child, shutdown=child.shutdown(), critical=child.critical)
            else:
                yield child

    def shutdown(self) -> float:
        """Seconds within which all of it has stopped."""
        return sum(child.shutdown for child in self.as_children()) + 1.0


Start: TypeAlias = Callable[[], Actor[Any]] | VirtualActors[Any, Any] | Supervisor
