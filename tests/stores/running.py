"""Databases that run, and databases that fail on purpose."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import anyio

from actors import ActorSystem
from tests.waiting import until
from yabot.stores.connections import Connector, connect
from yabot.stores.database import DatabaseManager
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer


class Clock:
    """A wall clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        """Move on; the arguments are those of `timedelta`."""
        self.now += timedelta(**time)


@asynccontextmanager
async def running(
    path: Path, clock: Clock, *, connector: Connector = connect, event_retention: float = 86_400
) -> AsyncIterator[DatabaseManager]:
    """A database with its writer under way, closed as the application closes it."""
    database = DatabaseManager(
        path, clock=clock, connector=connector, event_retention=event_retention
    )
    try:
        await database.connect_all()
        async with ActorSystem() as system:
            system.spawn(database.writer_actor, name="writer")
            yield database
    finally:
        await database.close()


async def write_all(writer: Writer, *items: tuple[Row, ...]) -> list[BaseException | None]:
    """Queue all items, then run the writer until each has its outcome and nothing waits."""
    waiting = [asyncio.ensure_future(writer.write(*rows)) for rows in items]
    await asyncio.sleep(0)
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        with anyio.fail_after(20):
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        await until(lambda: writer.statistics().queued == 0)
        group.cancel_scope.cancel()
    return outcomes


def query(path: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """What the file says, seen from outside."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, parameters).fetchall()


class Trouble:
    """Connections whose COMMIT or ROLLBACK fail when told to, and files that can't be opened.

    `commit_fails` is how many commits fail; with `after_the_fact` they become durable all the same.
    A commit sets `committing` and waits for `may_commit`.
    """

    def __init__(self) -> None:
        self.commit_fails = 0
        self.after_the_fact = False
        self.rollback_fails = 0
        self.open_fails = 0
        self.committing = threading.Event()
        self.may_commit = threading.Event()
        self.may_commit.set()
        self.opened = 0

    def connect(
        self, path: Path, isolation_level: Literal["IMMEDIATE"] | None
    ) -> sqlite3.Connection:
        """A connector for DatabaseManager; only the writing connection is troubled."""
        if isolation_level is None:
            return connect(path, None)
        if self.open_fails:
            self.open_fails -= 1
            raise sqlite3.OperationalError("unable to open database file")
        self.opened += 1
        trouble = self

        class Troubled(sqlite3.Connection):
            def commit(self) -> None:
                trouble.committing.set()
                trouble.may_commit.wait(10)
                if trouble.commit_fails:
                    trouble.commit_fails -= 1
                    if trouble.after_the_fact:
                        super().commit()
                    raise sqlite3.OperationalError("disk I/O error")
                super().commit()

            def rollback(self) -> None:
                if trouble.rollback_fails:
                    trouble.rollback_fails -= 1
                    raise sqlite3.OperationalError("disk I/O error")
                super().rollback()

        return sqlite3.connect(path, isolation_level=isolation_level, factory=Troubled)


def limited(pages: Callable[[], int]) -> Connector:
    """A connector for a disk on which the database may have so many pages."""

    def open_limited(
        path: Path, isolation_level: Literal["IMMEDIATE"] | None
    ) -> sqlite3.Connection:
        connection = connect(path, isolation_level)
        connection.execute(f"PRAGMA max_page_count = {pages()}")
        return connection

    return open_limited


def only(rows: Iterable[Any]) -> Any:
    """The one value of a query that gives one."""
    ((value,),) = rows
    return value
