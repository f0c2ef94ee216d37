"""The single writer: everything that is ever written passes here, many items in one transaction.

It takes what waits and what is just about to come, but never waits for time to pass: an idle system
commits at once and a busy one pays one fsync for hundreds of turns. The rules: every waiter is
answered; a caller that is cancelled changes nothing for the others (its own item is still written);
and nobody is told an outcome that is not certain.

    run ──▶ take a batch ──▶ write it ──ok──────────────▶ tell everybody
                 ▲              ├─ a row was refused ───▶ roll back, the items one by one
                 │              ├─ the disk failed ─────▶ roll back, tell everybody
                 │              ├─ it keeps failing ────▶ tell everybody, without asking the disk
                 └── settle ◀───┴─ COMMIT failed         (reopen, read back what became of it)
"""

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio
import structlog
from anyio.lowlevel import checkpoint_if_cancelled

from actors import Durations, Histogram
from supervision import Breaker, BreakerOpen
from yabot.errors import StoreUnavailable
from yabot.stores.connections import BREAKER, WritingConnection
from yabot.stores.failures import CommitInDoubt, ConnectionInDoubt, is_outage, meaning
from yabot.stores.statements import Statement
from yabot.stores.transaction import (
    Batch,
    Numbers,
    Row,
    Rows,
    Written,
    by_statement,
    last_batch,
    write_transaction,
)
from yabot.stores.write_queue import Item, WriteQueue

REOPEN_PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds between attempts to reopen the database after a failed COMMIT; the last one repeats."""

GATHERING = 12
"""Passes of the event loop before a batch: about what a request needs from its socket to here.

A busy loop's passes are long and bring many turns along; an idle one's take microseconds.
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WriterStatistics:
    """What the writer has done since it was made. `queued_bytes` is an estimate by the callers.

    `failing` says that the database has failed since the last batch that went well; `under_way` is
    for how many seconds the present batch has been written.
    """

    batches: int
    items: int
    failed_batches: int
    failing: bool
    under_way: float
    queued: int
    queued_bytes: int
    durations: Durations
    last_error: str | None


class Writer:
    """Group commit over one connection. `write` may be called by anybody, `run` by one task."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[WritingConnection]],
        queue: WriteQueue | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self.breaker = breaker or Breaker("sqlite", BREAKER, counts=is_outage)
        self._connect = connect
        self._queue = queue if queue is not None else WriteQueue()
        self._connection: WritingConnection | None = None
        self._wake = asyncio.Event()
        self._closed = False
        self._began: float | None = None
        self._in_doubt: tuple[list[Item], int] | None = None
        self._token = secrets.randbits(60)
        self._heard: dict[Statement, list[Callable[[Written], None]]] = {}
        self._batches = self._items = self._failed = 0
        self._durations = Histogram()
        self._failing = False
        self._last_error: str | None = None

    async def write(self, *rows: Row, size: int = 0) -> None:
        """Make rows durable, all of them or none; returns when they are.

        `size` is about how many bytes they hold. Raises StoreUnavailable (nothing was written),
        StaleVersion, AlreadyProcessed, CommitRefused.
        """
        await self.submit(rows, size)

    async def submit(self, rows: Rows, size: int) -> None:
        """`write` for rows that are a sequence already."""
        if self._closed:
            raise StoreUnavailable("the database is closing")
        item = Item(rows, size, asyncio.get_running_loop().create_future())
        self._queue.add(item)
        self._wake.set()
        await item.done

    @property
    def busy(self) -> bool:
        """Whether anything waits or is being written."""
        return bool(self._queue or self._began is not None or self._in_doubt)

    async def fence(self) -> None:
        """Return when everything that was given to `write` before this call has ended."""
        if self.busy:
            await self.submit((), 0)

    def on_commit(self, statement: Statement, call: Callable[[Written], None]) -> None:
        """After each commit with rows of `statement`, call with them, before any waiter."""
        self._heard.setdefault(statement, []).append(call)

    def statistics(self) -> WriterStatistics:
        """What the writer has done so far."""
        return WriterStatistics(
            batches=self._batches,
            items=self._items,
            failed_batches=self._failed,
            failing=self._failing,
            under_way=time.perf_counter() - self._began if self._began is not None else 0.0,
            queued=len(self._queue),
            queued_bytes=self._queue.bytes,
            durations=self._durations.read(),
            last_error=self._last_error,
        )

    async def run(self) -> None:
        """Write what comes, for ever. Cancelling it ends it between two batches."""
        self._closed = False
        while True:
            await self._write_waiting()
            await self._wake.wait()
            self._wake.clear()

    async def drain(self) -> None:
        """Refuse everything new and write what waits. `run` must have ended."""
        self._closed = True
        await self._write_waiting()

    async def close(self) -> None:
        """Close the connection; what still waits is told that nothing is certain about it."""
        self._closed = True
        lost = self._in_doubt[0] if self._in_doubt else []
        while self._queue:
            lost += self._queue.take()
        for item in lost:
            item.fail(StoreUnavailable("the database was closed before this was known as written"))
        await self._disconnect()

    async def connection(self) -> WritingConnection:
        """The writing connection, opened if it is not. Raises sqlite3.Error."""
        if self._connection is None:
            self._connection = await self._connect()
        return self._connection

    async def _write_waiting(self) -> None:
        while self._in_doubt or self._queue:
            if self._in_doubt is not None:
                await self._settle(*self._in_doubt)
            if self._queue:
                await self._gather()
                await self._write(self._queue.take())
            await checkpoint_if_cancelled()

    async def _gather(self) -> None:
        """Let those who are ready to write do so."""
        for _ in range(GATHERING):
            if self._queue.plenty:
                return
            await asyncio.sleep(0)

    async def _write(self, items: list[Item]) -> None:
        """Write one batch to its end, whatever happens to this task: it holds others' turns."""
        batch = by_statement(item.rows for item in items)
        if not batch:
            self._succeed(items, batch, {})
            return
        self._token += 1
        self._began = began = time.perf_counter()
        try:
            with anyio.CancelScope(shield=True):
                numbers = await self.breaker.call(partial(self._transact, batch))
        except CommitInDoubt as error:
            self._note(error)
            self._in_doubt = (items, self._token)
        except Exception as error:
            await self._refuse(items, error)
        except BaseException:
            self._in_doubt = (items, self._token)
            raise
        else:
            self._durations.add(time.perf_counter() - began)
            self._succeed(items, batch, numbers)
        finally:
            self._began = None

    async def _transact(self, batch: Batch) -> Numbers:
        connection = await self.connection()
        return await connection.at_once(partial(write_transaction, batch=batch, token=self._token))

    async def _refuse(self, items: list[Item], error: Exception) -> None:
        """Nothing was written: find the item to blame, or tell everybody that the disk failed."""
        if isinstance(error, ConnectionInDoubt):
            await self._disconnect()
        if isinstance(meaning(error), StoreUnavailable):
            if not isinstance(error, BreakerOpen):
                self._note(error)
        elif len(items) > 1:
            self._queue.add_alone(items)
            return
        for item in items:
            item.fail(meaning(error))

    async def _settle(self, items: list[Item], token: int) -> None:
        """Reopen the database until it says what became of the batch, then tell everybody."""
        attempt = 0
        while (durable := await self._is_last(token)) is None:
            await anyio.sleep(REOPEN_PAUSES[min(attempt, len(REOPEN_PAUSES) - 1)])
            attempt += 1
        self._in_doubt = None
        log.warning("writer.settled", durable=durable, items=len(items))
        if durable:
            self._succeed(items, by_statement(item.rows for item in items), {})
            return
        for item in items:
            item.fail(StoreUnavailable(f"the commit failed: {self._last_error}"))

    async def _is_last(self, token: int) -> bool | None:
        """Whether that batch is the last durable one; None while the database can't be opened."""
        with anyio.CancelScope(shield=True):
            try:
                await self._disconnect()
                return await last_batch(await self.connection()) == token
            except (sqlite3.Error, OSError, ValueError) as error:
                self._note(error)
        return None

    def _succeed(self, items: list[Item], batch: Batch, numbers: Numbers) -> None:
        self._batches += bool(batch)
        self._items += len(items)
        self._failing = self._failing and not batch
        try:
            for statement, rows in batch.items():
                for call in self._heard.get(statement, ()):
                    call(Written(rows, numbers.get(statement)))
        finally:
            for item in items:
                item.succeed()

    def _note(self, error: Exception) -> None:
        self._failed += 1
        self._failing = True
        self._last_error = f"{type(error).__name__}: {error}"
        log.warning("writer.batch_failed", error=self._last_error)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        for end in (connection.rollback, connection.close):
            try:
                await end()
            except (sqlite3.Error, ValueError) as error:
                log.warning("writer.close_failed", error=str(error))
