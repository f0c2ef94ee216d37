"""How much room there is and how much waits: what an operator should see before users do.

Pure: one sample goes in, and whether it is well and what to do about it comes out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from supervision import Condition, Health
from yabot.users.ports import MAX_BACKLOG

LOW_DISK = 500 * 1024**2
"""Bytes of free disk below which the bot is degraded: time to act, while all still works."""

NO_DISK = 32 * 1024**2
"""Bytes of free disk below which commits are about to fail."""

LARGE_LOG = 256 * 1024**2
"""Bytes of the write-ahead log, which stays below 64 MB unless a long reader holds it."""

LATE: Mapping[str, float] = {"updates": 60, "replies": 300, "events": 300, "commands": 60}
"""Seconds that the oldest of each may have waited before the bot is degraded."""

MANY_UPDATES = MAX_BACKLOG // 2
"""Updates above which the bot is degraded, however young: as many again, and some are refused."""


@dataclass(frozen=True, slots=True)
class Queue:
    """About how many wait, and for how many seconds the oldest of them has."""

    waiting: int
    age: float


@dataclass(frozen=True, slots=True)
class Room:
    """In bytes: what is free for this user on the disk, the database, and its log."""

    disk_free: int
    database: int
    log: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """One sample. `room` is None where the disk did not answer; `queues` may be without some.

    `dead_letters` counts by kind what waits for a person.
    """

    room: Room | None = None
    queues: Mapping[str, Queue] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)

    def condition(self) -> Condition:
        """DOWN where commits are about to fail, DEGRADED where somebody should look."""
        reason = "; ".join(self.concerns())
        if self.room is not None and self.room.disk_free < NO_DISK:
            return Condition(Health.DOWN, reason)
        return Condition(Health.DEGRADED if reason else Health.OK, reason)

    def concerns(self) -> Iterator[str]:
        """What an operator should do something about."""
        if self.room is not None and self.room.disk_free < LOW_DISK:
            yield f"only {_mb(self.room.disk_free)} of disk free; make room"
        if self.room is not None and self.room.log > LARGE_LOG:
            yield f"the log has {_mb(self.room.log)}; end whatever reads the database for long"
        for name, queue in self.queues.items():
            if queue.age > LATE[name]:
                yield f"{queue.waiting:,} {name} wait, the oldest for {queue.age:.0f} s"
        updates = self.queues.get("updates")
        if updates is not None and updates.waiting > MANY_UPDATES:
            yield f"{updates.waiting:,} updates wait; above {MAX_BACKLOG:,} new ones are refused"

    def line(self) -> str:
        """The figures, as they stand in the tree."""
        waiting = ", ".join(f"{queue.waiting:,} {name}" for name, queue in self.queues.items())
        if self.room is None:
            return f"disk unknown, {waiting or 'queues unknown'}"
        size = _mb(self.room.database + self.room.log)
        return f"{_mb(self.room.disk_free)} free, database {size}, {waiting or 'queues unknown'}"


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.0f} MB"
