"""Looking at the disk, the database's files and what waits, every ten seconds.

The rule: looking costs turns nothing. A query touches few rows, the disk is asked on a thread, and
whoever wants to know is shown the last sample.
"""

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import anyio
import anyio.to_thread
import structlog

from actors import Actor
from yabot.errors import StoreUnavailable
from yabot.stores.capacity import Capacity, Queue, Room
from yabot.stores.dead_letters import KINDS
from yabot.stores.moments import to_micros
from yabot.stores.reader import Reader
from yabot.users.ports import Clock

EVERY = 10.0
"""Seconds between two samples."""

PATIENCE = 2.0
"""Seconds that the disk gets to answer; a hanging one costs one thread and no more."""

MOST_COUNTED = 10_000
"""Due commands, and dead letters of a kind, are counted up to here."""

OLDEST_UPDATE = """
    SELECT received_at FROM inbox WHERE seq =
        (SELECT min(seq) FROM inbox INDEXED BY inbox_waiting WHERE processed_at IS NULL)"""
REPLIES = """
    SELECT (SELECT max(seq) FROM outbox_replies) - seq + 1, created_at
    FROM outbox_replies WHERE seq = (SELECT min(seq) FROM outbox_replies)"""
EVENTS = """
    SELECT (SELECT max(seq) FROM outbox_events) - seq + 1, at FROM outbox_events
    WHERE seq > coalesce((SELECT position FROM relays WHERE name = ?), 0)
    ORDER BY seq LIMIT 1"""
COMMANDS = """
    SELECT count(*), min(due_at) FROM (
        SELECT due_at FROM outbox_commands INDEXED BY commands_by_time WHERE due_at <= ? LIMIT ?)"""
DEAD_LETTERS = "SELECT count(*) FROM (SELECT 1 FROM dead_letters WHERE kind = ? LIMIT ?)"

log = structlog.get_logger(__name__)


class DiskStatus(Protocol):
    """What `os.statvfs` tells, as far as it is looked at."""

    @property
    def f_bavail(self) -> int: ...
    @property
    def f_frsize(self) -> int: ...


Waiting = tuple[int, int]
"""How many wait, and since what moment the oldest does."""

StatVfs = Callable[[Path], DiskStatus]
"""The state of the disk under a path: `os.statvfs`, or what stands for it in a test."""


class Sampling:
    """Takes samples; `seen` is the last one.

    `updates` tells how many updates wait, `relays` the names of the relays that take events.
    """

    def __init__(
        self,
        path: Path,
        reader: Reader,
        clock: Clock,
        *,
        updates: Callable[[], int],
        relays: Callable[[], Iterable[str]],
        statvfs: StatVfs = os.statvfs,
    ) -> None:
        self.seen = Capacity()
        self._path = path
        self._reader = reader
        self._clock = clock
        self._updates = updates
        self._relays = relays
        self._statvfs = statvfs
        self._measuring = threading.Lock()

    async def sample(self) -> Capacity:
        """Look once; what can't be looked at now is left out."""
        before = self.seen.condition().health
        self.seen = Capacity(await self._room(), await self._queues(), await self._dead_letters())
        now = self.seen.condition()
        if now.health is not before:
            log.warning("capacity.changed", health=now.health.value, reason=now.reason)
        return self.seen

    async def _room(self) -> Room | None:
        with anyio.move_on_after(PATIENCE):
            try:
                return await anyio.to_thread.run_sync(self._measure, abandon_on_cancel=True)
            except OSError as error:
                log.warning("capacity.no_disk", error=str(error))
        return None

    def _measure(self) -> Room | None:
        """Ask the disk; None while an earlier thread still waits for its answer."""
        if not self._measuring.acquire(blocking=False):
            return None
        try:
            disk = self._statvfs(self._path.parent)
            free = disk.f_bavail * disk.f_frsize
            return Room(free, _size(self._path), _size(Path(f"{self._path}-wal")))
        finally:
            self._measuring.release()

    async def _queues(self) -> Mapping[str, Queue]:
        now = to_micros(self._clock())
        read = self._reader.row
        try:
            oldest = await read(OLDEST_UPDATE)
            found: dict[str, list[Waiting | None]] = {
                "updates": [(self._updates(), oldest[0]) if oldest else None],
                "replies": [_waiting(await read(REPLIES))],
                "events": [_waiting(await read(EVENTS, relay)) for relay in self._relays()],
                "commands": [_waiting(await read(COMMANDS, now, MOST_COUNTED))],
            }
        except StoreUnavailable as error:
            log.warning("capacity.no_database", error=str(error))
            return {}
        return {name: _longest(now, rows) for name, rows in found.items()}

    async def _dead_letters(self) -> Mapping[str, int]:
        read = self._reader.rows
        try:
            return {kind: (await read(DEAD_LETTERS, kind, MOST_COUNTED))[0][0] for kind in KINDS}
        except StoreUnavailable:
            return {}


class Sampler(Actor[object]):
    """Takes a sample every ten seconds."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling

    async def run(self) -> None:
        """Sample, wait, repeat."""
        while True:
            await self._sampling.sample()
            await anyio.sleep(EVERY)


def _waiting(row: tuple[Any, ...] | None) -> Waiting | None:
    return (row[0], row[1]) if row is not None and row[0] else None


def _longest(now: int, found: Iterable[Waiting | None]) -> Queue:
    """The one whose oldest has waited longest."""
    queues = [Queue(count, max(0.0, (now - since) / 1e6)) for count, since in filter(None, found)]
    return max(queues, key=lambda queue: queue.age, default=Queue(0, 0.0))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
