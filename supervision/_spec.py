"""What a tree shall be, as a literal: supervisors, children, and how they are restarted.

Rule: a specification is a frozen value; nothing runs until `run_tree`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, TypeAlias
from zlib import crc32

from actors import Actor, Mailbox, VirtualActors
from supervision._backoff import Backoff
from supervision._health import Condition
from supervision._strategy import Strategy

GRACE = 1.0
"""Seconds that an actor has for its `stopping()` after its time is up."""


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

    It is ready when its `started()` returns, within `start_timeout` seconds; a stop lets it drain
    for `shutdown` seconds and then cancels it. `critical`: without it the whole is down, else only
    degraded. `detail` and `health` are asked whenever the tree is printed, and must not wait. The
    supervisor starts and stops everything but a family, which it only stops and shows."""

    name: str
    start: Start
    restart: RestartType = RestartType.PERMANENT
    shutdown: float = 5.0
    start_timeout: float = 30.0
    critical: bool = True
    mailbox: Mailbox = field(default_factory=Mailbox)
    detail: Callable[[], str] | None = None
    health: Callable[[], Condition] | None = None

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError(f"a child needs a name without /, not {self.name!r}")


@dataclass(frozen=True, slots=True)
class Supervisor:
    """A supervisor: at most `intensity` restarts within `period` seconds, then it gives up.

    Children start in order and stop in reverse. `Tree.add` can add more while it runs, up to
    `max_children` in all."""

    name: str
    children: tuple[Child | Supervisor, ...]
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: int = 5
    period: float = 60.0
    backoff: Backoff = field(default_factory=Backoff)
    critical: bool = True
    max_children: int = 1000

    def __post_init__(self) -> None:
        names = [child.name for child in self.children]
        if len(set(names)) < len(names) or any("/" in name for name in names):
            raise ValueError(f"children of {self.name} need names that differ, without /: {names}")
        if self.intensity < 0 or self.period <= 0:
            raise ValueError(f"{self.name}: no intensity of {self.intensity} in {self.period} s")
        if len(names) > self.max_children:
            raise ValueError(f"{self.name} has more than {self.max_children} children")

    def as_children(self) -> Iterator[Child]:
        """The children in one form."""
        return map(as_child, self.children)

    def shutdown(self) -> float:
        """Seconds within which all of it has stopped."""
        return sum(child.shutdown + GRACE for child in self.as_children()) + GRACE

    def start_timeout(self) -> float:
        """Seconds within which all of it has started."""
        return sum(child.start_timeout for child in self.as_children()) + GRACE


Start: TypeAlias = Callable[[], Actor[Any]] | VirtualActors[Any, Any] | Supervisor


def as_child(child: Child | Supervisor) -> Child:
    """A supervisor as the child that it is: as slow as its parts together."""
    if isinstance(child, Child):
        return child
    return Child(
        child.name,
        child,
        shutdown=child.shutdown(),
        start_timeout=child.start_timeout(),
        critical=child.critical,
    )


def partitioned(
    name: str,
    count: int,
    start: Callable[[int], Actor[Any]],
    *,
    child: Callable[[str, Start], Child] = Child,
) -> Supervisor:
    """A supervisor of `count` children of one kind, among which a key always finds the same one:
    `Tree.partition`. `start` gets the number of the partition; `child` makes its specification,
    such as `partial(Child, shutdown=10.0)`."""
    if count < 1:
        raise ValueError(f"{name}: it takes one partition at least, not {count}")
    parts = tuple(child(str(number), partial(start, number)) for number in range(count))
    return Supervisor(name, parts, max_children=count)


def partition_of(key: str | int, count: int) -> int:
    """The number of the partition of a key: the same in every process and at every start."""
    return crc32(str(key).encode()) % count
