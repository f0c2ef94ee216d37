"""Reading a user: through the reader's thread, as the store does, and right in the event loop.

The loop is what everybody shares, so what a way costs is also how late the loop's heart beats.
"""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count

from benchmarks.stores.crowd import Crowd, database
from benchmarks.stores.figures import Pauses, percentile
from yabot.stores.connections import READING
from yabot.stores.database import DatabaseManager
from yabot.stores.users import LOAD

CALLERS = 64

Read = Callable[[str], Awaitable[object]]


@dataclass(frozen=True)
class Reads:
    """One way: reads a second, CPU in microseconds a read, latency and the loop's delay in ms."""

    rate: float
    cpu: float
    p99: float
    late: float


async def reads(*, people: int, number: int) -> dict[str, Reads]:
    """Each way reads `number` rows of users, spread over all of them, 64 callers at a time."""
    async with database() as manager:
        crowd = Crowd(manager, range(1, people + 1))
        await crowd.register_all()
        with closing(await _in_loop(manager)) as connection:

            async def at_once(user: str) -> object:
                return connection.execute(LOAD, (user,)).fetchone()

            async def on_thread(user: str) -> object:
                return await manager.reader.row(LOAD, user)

            ways: dict[str, Read] = {"on the reader's thread": on_thread, "in the loop": at_once}
            return {name: await _timed(read, crowd.users, number) for name, read in ways.items()}


async def _in_loop(manager: DatabaseManager) -> sqlite3.Connection:
    _, _, path = (await manager.reader.rows("PRAGMA database_list"))[0]
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in READING:
        connection.execute(pragma)
    return connection


async def _timed(read: Read, users: list[str], number: int) -> Reads:
    latencies: list[float] = []
    numbers: Iterator[int] = count()

    async def call() -> None:
        while (n := next(numbers)) < number:
            began = time.perf_counter()
            await read(users[n * 7919 % len(users)])
            latencies.append(time.perf_counter() - began)
            await asyncio.sleep(0)

    pauses = Pauses()
    cpu, began = time.process_time(), time.perf_counter()
    with pauses.watched():
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(call())
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return Reads(
        rate=len(latencies) / seconds,
        cpu=used / len(latencies) * 1e6,
        p99=percentile(latencies, 0.99) * 1e3,
        late=percentile(pauses.late, 0.99) * 1e3,
    )
