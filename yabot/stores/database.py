"""DatabaseManager: opens every store, hands them out, closes them.

    manager = DatabaseManager(path, clock=clock)
    await manager.connect_all()            lock, migrate, look at the last stop
    ... run manager.writer_actor(), reader_actor() and pruner() under a supervisor ...
    await manager.close()                  after the supervisor has stopped them

The rule: what this module hands out works until `close`, whatever happens to the actors.
"""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiosqlite
import anyio
import structlog

from actors import Actor
from supervision import Breaker, Condition, Health, Report
from yabot.domain.items import Item
from yabot.domain.story import Story
from yabot.errors import ConfigError, StoreUnavailable, YabotError
from yabot.stores.bridge import SqliteBridge
from yabot.stores.commands import SqliteCommandOutbox
from yabot.stores.connections import BREAKER, Connector, connect, open_reading, open_writing
from yabot.stores.content import SqliteContent
from yabot.stores.dead_letters import SqliteDeadLetters
from yabot.stores.documents import SqliteDocumentOutbox
from yabot.stores.epoch import Epoch
from yabot.stores.events import SqliteEventOutbox
from yabot.stores.export import SqliteExports
from yabot.stores.failures import is_outage
from yabot.stores.identity import SqliteIdentity
from yabot.stores.inbox import SqliteInbox
from yabot.stores.lock import FileLock
from yabot.stores.migrations import MigrationManager
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.inheritance import Inheritance
from yabot.stores.mongo.relay import Copying, DocumentRelay
from yabot.stores.names import SqliteUserNames
from yabot.stores.opening import Start, note_start, note_stop, problem
from yabot.stores.pruning import Pruner, Pruning
from yabot.stores.reader import Reader
from yabot.stores.replays import Replays
from yabot.stores.replies import SqliteReplyOutbox
from yabot.stores.sampling import Sampling
from yabot.stores.statements import Statement
from yabot.stores.users import SqliteUserStore
from yabot.stores.writer import Writer
from yabot.users.ports import Clock

if TYPE_CHECKING:
    from yabot.stores.mongo.client import MongoDatabase

LAST_WRITES = 5.0
"""Seconds that `close` gives to what still waits to be written, and `install` to the content."""

STALLED = 2.0
"""Seconds that a batch may be under way before the database counts as one that does not answer."""

log = structlog.get_logger(__name__)


class SqliteWriter(Actor[object]):
    """The writer as an actor: it writes while it runs, and what waits before it stops."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def run(self) -> None:
        """Write what comes."""
        await self._writer.run()

    async def stopping(self) -> None:
        """Write what waits, and refuse the rest."""
        await self._writer.drain()


class SqliteReader(Actor[object]):
    """The reading connection as an actor: it is opened again whenever it was lost."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def run(self) -> None:
        """Keep it open."""
        await self._reader.keep()


class DatabaseManager:
    """Everything durable of one node. The stores are attributes, there from `connect_all` on."""

    users: SqliteUserStore
    inbox: SqliteInbox
    replies: SqliteReplyOutbox
    commands: SqliteCommandOutbox
    events: SqliteEventOutbox
    bridge: SqliteBridge
    content: SqliteContent
    dead_letters: SqliteDeadLetters
    replays: Replays
    exports: SqliteExports
    names: SqliteUserNames
    identity: SqliteIdentity
    documents: SqliteDocumentOutbox
    start: Start

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        event_retention: float = 86_400,
        connector: Connector = connect,
        mongo: MongoConnection | None = None,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._event_retention = event_retention
        self.mongo = mongo
        self.copying = Copying()
        self._lock = FileLock(path)
        self._opened = False
        writing = Breaker("sqlite", BREAKER, counts=is_outage, report=report)
        reading = Breaker("sqlite-reader", BREAKER, counts=is_outage, report=report)
        self.writer = Writer(partial(open_writing, path, connector), breaker=writing)
        self.reader = Reader(partial(open_reading, path, connector), reading)

    async def connect_all(self, *, wait: float = 0.0) -> None:
        """Become the owner of the database, bring it to its shape, and open every store.

        `wait` is for how many seconds to wait for a present owner to end. Raises ConfigError.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            await self._lock.acquire(wait=wait)
            connection = await self.writer.connection()
            await MigrationManager(connection).migrate()
            self.start = await note_start(connection)
            await self._open_stores()
            if self.mongo is not None:
                await self.documents.open()
                await self.mongo.start()
            self._opened = True
        except (OSError, sqlite3.Error) as error:
            await self._release()
            raise problem(self._path, error) from error
        except BaseException:
            await self._release()
            raise
        log.info("database.open", path=str(self._path), clean=self.start.clean)

    async def _open_stores(self) -> None:
        writer, reader, clock = self.writer, self.reader, self._clock
        epoch, starts = Epoch(self.start.epoch), self.start.starts
        self.documents = SqliteDocumentOutbox(writer, reader, clock, epoch)
        mongo, deliveries = self.mongo, self.documents.deliveries
        self.users = SqliteUserStore(
            writer,
            reader,
            epoch=epoch,
            starts=starts,
            elsewhere=Inheritance(deliveries, mongo).find if mongo is not None else None,
        )
        self.inbox = SqliteInbox(writer, reader, clock)
        self.replies = SqliteReplyOutbox(writer, reader, clock)
        self.commands = SqliteCommandOutbox(writer, reader, clock)
        self.events = SqliteEventOutbox(writer, reader, clock, epoch=epoch)
        self.bridge = SqliteBridge(writer, reader, clock, self.events, epoch)
        self.content = SqliteContent(writer, reader)
        letters = self.dead_letters = SqliteDeadLetters(writer, reader, clock)
        self.replays = Replays(writer, reader, letters, self.inbox, self.documents, clock)
        self.exports = SqliteExports(reader, clock)
        self.names = SqliteUserNames(reader)
        self.identity = SqliteIdentity(writer, reader)
        await self.inbox.open()

    async def install(self, story: Story, items: Mapping[str, Item]) -> None:
        """Keep this content, where there is another; call it before the writer's actor starts.

        A database that can't be written keeps what it has: the bot holds its content in memory.
        """
        made = {key: item.model_dump(mode="json", exclude_none=True) for key, item in items.items()}
        async with anyio.create_task_group() as group:
            group.start_soon(self.writer.run)
            try:
                with anyio.fail_after(LAST_WRITES):
                    await self.content.replace(story, made)
            except (StoreUnavailable, TimeoutError) as error:
                log.warning("content.not_saved", error=str(error))
            group.cancel_scope.cancel()

    def writer_actor(self) -> SqliteWriter:
        """The actor that writes; it is supervised, and started before all that commits."""
        return SqliteWriter(self.writer)

    def reader_actor(self) -> SqliteReader:
        """The actor that keeps the reading connection open; it is supervised too."""
        return SqliteReader(self.reader)

    def pruner(self) -> Pruner:
        """The actor that removes what has served its time."""
        pruning = Pruning(self.writer, self.reader, event_retention=self._event_retention)
        return Pruner(pruning, self.users.keys, self._clock)

    def sampling(self, relays: Callable[[], Iterable[str]]) -> Sampling:
        """What looks at the room that is left; `relays` names those that take events."""
        backlog = self.inbox.backlog
        return Sampling(self._path, self.reader, self._clock, updates=backlog, relays=relays)

    async def get_sqlite_conn(self) -> aiosqlite.Connection:
        """A connection that only reads. Raises StoreUnavailable."""
        return await self.reader.connection()

    def document_relay(self, story: Story) -> DocumentRelay:
        """The actor that brings documents, and `story`, to MongoDB; there must be one."""
        return DocumentRelay(self.documents, self._mongo(), self.copying, story, self.content)

    def get_mongo_db(self) -> "MongoDatabase":
        """The database in MongoDB. Raises ConfigError where none is configured."""
        return self._mongo().server.database

    def _mongo(self) -> MongoConnection:
        if self.mongo is None:
            raise ConfigError(["MONGODB_URI: no MongoDB is configured; documents are in SQLite"])
        return self.mongo

    async def ping(self) -> None:
        """Read a row and, if the last batch failed, write one. Raises StoreUnavailable."""
        await self.reader.rows("SELECT 1")
        seen = self.writer.statistics()
        if seen.under_way > STALLED:
            raise StoreUnavailable(f"a commit has been under way for {seen.under_way:.0f} s")
        if seen.failing:
            await self.writer.write((Statement.PROBE, (1,)))

    def condition(self) -> Condition:
        """Whether commits get through. What they fail by passes, so it is never DOWN."""
        seen = self.writer.statistics()
        if seen.under_way > STALLED:
            told = f"a commit has been under way for {seen.under_way:.0f} s; look at the disk"
            return Condition(Health.DEGRADED, told)
        if seen.failing:
            return Condition(Health.DEGRADED, f"commits fail: {seen.last_error}")
        return Condition(Health.OK)

    async def health_check(self) -> Mapping[str, bool | None]:
        """Which databases answer; None for one that is not configured."""
        mongo = self.mongo.ping if self.mongo is not None else None
        return {
            "sqlite": await _answers(self.ping),
            "mongodb": await _answers(mongo) if mongo is not None else None,
        }

    async def close(self) -> None:
        """Write what waits, note the clean stop, close everything and give the file up."""
        if self._opened:
            await self._finish()
        await self._release()

    async def _finish(self) -> None:
        with anyio.move_on_after(LAST_WRITES, shield=True):
            try:
                await self.writer.drain()
                await note_stop(await self.writer.connection())
            except (sqlite3.Error, ValueError) as error:
                log.warning("database.unclean_stop", error=str(error))

    async def _release(self) -> None:
        self._opened = False
        with anyio.CancelScope(shield=True):
            if self.mongo is not None:
                await self.mongo.close()
            await self.reader.close()
            await self.writer.close()
            self._lock.release()


async def _answers(ping: Callable[[], Awaitable[None]]) -> bool:
    try:
        await ping()
    except YabotError:
        return False
    return True
