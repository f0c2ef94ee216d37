"""The sandbox's memory on disk: a keyed journal in one SQLite file, written behind.

The world lives in memory; every change is also `put` here under (kind, key) and reaches the
file a moment later, in a batch, from a worker thread. The one rule: what was put last under a
key is what the next start loads, and a kill loses at most the last batch. Identifiers are the
exception, since they must never repeat: `reserve` writes before it returns.
"""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson

from yabot.sandbox.errors import SandboxError

FLUSH_INTERVAL = 0.02
RETRY_INTERVAL = 1.0

log = logging.getLogger(__name__)


class JournalError(SandboxError):
    """The database file cannot be used; the text says why and what to do."""


class Journal:
    """Keyed records with batched write-behind.

    path: a file, created with its folders, or ':memory:'.
    Raises JournalError when the file is no database of ours or another process holds it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._pending: dict[tuple[str, str], object | None] = {}
        self._writing = 0
        self._dirty = asyncio.Event()
        self._lock = threading.Lock()
        self._connection = self._open(path)

    def __len__(self) -> int:
        """How many records have not reached the file yet."""
        return len(self._pending) + self._writing

    @staticmethod
    def _open(path: str) -> sqlite3.Connection:
        try:
            if path != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path, timeout=0.5, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"cannot open the database {path}: {error}") from error
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS records (kind TEXT NOT NULL, key TEXT NOT NULL,"
                " body BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
            )
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.close()
            busy = "another process uses it" if "locked" in str(error) else str(error)
            raise JournalError(f"cannot use the database {path}: {busy}") from error
        return connection

    def load(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Every record of a kind, as (key, JSON), in no order."""
        rows = self._connection.execute("SELECT key, body FROM records WHERE kind = ?", (kind,))
        yield from rows

    def put(self, kind: str, key: str, body: object) -> None:
        """Remember a record. `body` is JSON, or JSON bytes; it is encoded at the next flush."""
        self._pending[kind, key] = body
        self._dirty.set()

    def delete(self, kind: str, key: str) -> None:
        self._pending[kind, key] = None
        self._dirty.set()

    def reserve(self, name: str, until: int) -> None:
        """Record that numbers of the series `name` below `until` may be in use, durably."""
        with self._lock:
            self._connection.execute("PRAGMA synchronous = FULL")
            self._write([("series", name, orjson.dumps({"until": until}))], [])
            self._connection.execute("PRAGMA synchronous = NORMAL")

    async def run(self) -> None:
        """Write what was put, a batch at a time, until cancelled."""
        while True:
            await self._dirty.wait()
            await asyncio.sleep(FLUSH_INTERVAL)
            self._dirty.clear()
            batch, self._pending = self._pending, {}
            puts, deletes = self._encode(batch)
            self._writing = len(batch)
            try:
                await asyncio.to_thread(self._commit, puts, deletes)
            except sqlite3.Error as error:
                log.warning("the sandbox database refused a batch, trying again: %s", error)
                self._give_back(batch)
                await asyncio.sleep(RETRY_INTERVAL)
            except asyncio.CancelledError:
                self._give_back(batch)
                raise
            finally:
                self._writing = 0

    def _give_back(self, batch: dict[tuple[str, str], object | None]) -> None:
        batch.update(self._pending)
        self._pending = batch
        self._dirty.set()

    def flush(self) -> None:
        """Write everything that is waiting, now."""
        puts, deletes = self._encode(self._pending)
        self._pending = {}
        self._commit(puts, deletes)

    def close(self) -> None:
        """Flush and let go of the file."""
        try:
            self.flush()
        finally:
            with self._lock, suppress(sqlite3.Error):
                self._connection.close()

    @staticmethod
    def _encode(
        batch: dict[tuple[str, str], object | None],
    ) -> tuple[list[tuple[str, str, bytes]], list[tuple[str, str]]]:
        puts = [
            (kind, key, body if isinstance(body, bytes) else orjson.dumps(body))
            for (kind, key), body in batch.items()
            if body is not None
        ]
        return puts, [name for name, body in batch.items() if body is None]

    def _commit(self, puts: list[tuple[str, str, bytes]], deletes: list[tuple[str, str]]) -> None:
        with self._lock:
            self._write(puts, deletes)

    def _write(self, puts: list[tuple[str, str, bytes]], deletes: list[tuple[str, str]]) -> None:
        connection = self._connection
        connection.execute("BEGIN")
        try:
            connection.executemany("REPLACE INTO records VALUES (?, ?, ?)", puts)
            connection.executemany("DELETE FROM records WHERE kind = ? AND key = ?", deletes)
            connection.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


class Series:
    """Numbers that go up for ever, over restarts and kills.

    A block of numbers is reserved in the journal before the first of them is used, so a start
    after a kill continues behind the block; a clean stop (`settle`) gives the rest back.
    """

    BLOCK = 100_000

    def __init__(self, journal: Journal, name: str, start: int = 1) -> None:
        self._journal = journal
        self._name = name
        self._next = start
        self._until = 0
        for key, body in journal.load("series"):
            if key == name:
                self._next = max(start, int(orjson.loads(body)["until"]))

    def next(self) -> int:
        number = self._next
        if number >= self._until:
            self._until = number + self.BLOCK
            self._journal.reserve(self._name, self._until)
        self._next = number + 1
        return number

    def settle(self) -> None:
        """Record the exact next number; call only when no more will be asked for."""
        self._journal.put("series", self._name, {"until": self._next})
        self._until = self._next
