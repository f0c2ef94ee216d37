"""The stores that the suites of this folder run on: the ones in memory and the ones in a file."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.fakes import MemoryStores
from tests.stores.running import Clock, Trouble, running
from yabot.stores.connections import Connector
from yabot.stores.database import DatabaseManager
from yabot.stores.encryption import choose_connector
from yabot.users.ports import CommandOutbox, DeadLetter, Inbox, ReplyOutbox, UserStore

KEY = "ab" * 32
"""What the encrypted ones are encrypted with."""


@dataclass(frozen=True)
class Stores:
    """One implementation of every port, and what a test must see or do beyond the ports.

    While `away()` is entered nothing can be written; what was written before stays.
    """

    users: UserStore
    inbox: Inbox
    replies: ReplyOutbox
    commands: CommandOutbox
    dead_letters: Callable[[], Awaitable[list[DeadLetter]]]
    away: Callable[[], AbstractContextManager[None]]


def in_memory(clock: Clock) -> Stores:
    """The fakes."""
    memory = MemoryStores(clock)

    async def dead_letters() -> list[DeadLetter]:
        return list(memory.dead_letters)

    @contextmanager
    def away() -> Iterator[None]:
        parts = (memory.users, memory.inbox, memory.replies)
        for part in parts:
            part.failing = True
        try:
            yield
        finally:
            for part in parts:
                part.failing = False

    return Stores(memory.users, memory.inbox, memory.replies, memory.commands, dead_letters, away)


@asynccontextmanager
async def in_sqlite(path: Path, clock: Clock) -> AsyncIterator[Stores]:
    """The real ones, in the file at `path`."""
    trouble = Trouble()
    async with running(path, clock, connector=trouble.connect) as db:
        yield _of(db, trouble)


@asynccontextmanager
async def in_encrypted(path: Path, clock: Clock) -> AsyncIterator[Stores]:
    """The real ones, in an encrypted file at `path`."""
    trouble = Trouble()
    async with running(path, clock, connector=_encrypted(trouble)) as db:
        yield _of(db, trouble)


def _encrypted(trouble: Trouble) -> Connector:
    """A connector whose commits fail as `trouble` says."""
    connect_encrypted = choose_connector(KEY)

    def connect(path: Path, isolation_level: Literal["IMMEDIATE"] | None) -> sqlite3.Connection:
        connection = connect_encrypted(path, isolation_level)
        commit = connection.commit

        def troubled() -> None:
            if trouble.commit_fails:
                trouble.commit_fails -= 1
                raise sqlite3.OperationalError("disk I/O error")
            commit()

        if isolation_level is not None:
            connection.commit = troubled  # type: ignore[method-assign]
        return connection

    return connect


def _of(db: DatabaseManager, trouble: Trouble) -> Stores:
    async def dead_letters() -> list[DeadLetter]:
        return [stored.letter for stored in await db.dead_letters.page()]

    @contextmanager
    def away() -> Iterator[None]:
        trouble.commit_fails = 1_000_000
        try:
            yield
        finally:
            trouble.commit_fails = 0

    return Stores(db.users, db.inbox, db.replies, db.commands, dead_letters, away)
