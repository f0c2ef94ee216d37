"""Opening SQLite: one connection that writes, one that only reads.

WAL lets readers go on while the writer commits, so a file that can't have it is refused;
`synchronous=FULL` makes a commit survive a power cut. Checkpoints are left to SQLite's own small
steps, every thousand pages of the log: done more rarely, or by another connection, they let the log
grow and hold commits up for longer. The writing connection begins a transaction by itself before
the first row (IMMEDIATE), so even a statement that follows a failed one can never be committed on
its own.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from supervision import BreakerPolicy, CountWindow

BUSY_TIMEOUT = 5.0
"""Seconds to wait for somebody else's lock, such as an operator's shell."""

BREAKER = BreakerPolicy(
    window=CountWindow(3), failure_rate=1.0, minimum_calls=3, open_for=1.0, longest_open=5.0
)
"""Three failures in a row, and a connection is left alone: each may wait for a lock in vain."""

PAGE_CACHE = -32_000
"""SQLite's own unit for 32 MB of pages in memory."""

LOG = "PRAGMA journal_mode = WAL"
WRITING = (
    LOG,
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = {PAGE_CACHE}",
    "PRAGMA journal_size_limit = 67108864",
)
READING = (
    "PRAGMA query_only = ON",
    "PRAGMA temp_store = MEMORY",
    f"PRAGMA cache_size = {PAGE_CACHE}",
)

OpenedT = TypeVar("OpenedT", bound=aiosqlite.Connection)
ResultT = TypeVar("ResultT")

Connector = Callable[[Path, Literal["IMMEDIATE"] | None], sqlite3.Connection]
"""Opens a file with an isolation level; another one may open an encrypted file."""


def connect(path: Path, isolation_level: Literal["IMMEDIATE"] | None) -> sqlite3.Connection:
    """Open an ordinary SQLite file."""
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=isolation_level)


class LogRefused(sqlite3.OperationalError):
    """The file's disk can't do what WAL needs, as many on a network; the text says what to do."""


class WritingConnection(aiosqlite.Connection):
    """A connection whose thread can also run several statements at one request."""

    async def at_once(self, work: Callable[[sqlite3.Connection], ResultT]) -> ResultT:
        """Run `work` on the connection's thread. Raises what it raises, ValueError when closed."""
        result: ResultT = await self._execute(work, self._conn)  # type: ignore[no-untyped-call]
        return result


async def open_writing(path: Path, connector: Connector = connect) -> WritingConnection:
    """Open the connection that writes. Raises sqlite3.Error, such as LogRefused."""
    return await _open(WritingConnection, partial(connector, path, "IMMEDIATE"), WRITING)


async def open_reading(path: Path, connector: Connector = connect) -> aiosqlite.Connection:
    """Open a connection that can't change anything. Raises sqlite3.Error."""
    return await _open(aiosqlite.Connection, partial(connector, path, None), READING)


async def _open(
    kind: type[OpenedT], connector: Callable[[], sqlite3.Connection], pragmas: tuple[str, ...]
) -> OpenedT:
    connection = kind(connector, iter_chunk_size=64)
    try:
        await connection
    except BaseException:
        await _ended(connection)
        raise
    try:
        for pragma in pragmas:
            answer = await connection.execute_fetchall(pragma)
            if pragma == LOG and (mode := next(iter(answer))[0]) != "wal":
                raise LogRefused(
                    f"can't have a write-ahead log (SQLite answers {mode}); "
                    "put the database on a local disk"
                )
    except BaseException:
        await connection.close()
        raise
    return connection


async def _ended(connection: aiosqlite.Connection) -> None:
    """The thread of a connection that could not be opened has told its last to the event loop."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(connection._thread.join)
