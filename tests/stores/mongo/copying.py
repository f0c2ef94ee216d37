"""A database whose documents are brought to a server that a test can break in every way."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from actors import ActorSystem
from tests.fakes.documents import MemoryDocuments
from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from tests.waiting import until
from yabot import outbox
from yabot.content.loader import load_story
from yabot.domain.story import Story
from yabot.domain.values import UserId
from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo import connection as connecting
from yabot.stores.mongo import relay as relaying
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.ports import DocumentStore, DocumentVersion, Mark, Refused

AnswerT = TypeVar("AnswerT")

Places = dict[UserId, tuple[int, int]]


class Awkward:
    """A server's documents, with whatever can go wrong on the way.

    `away` fails before anything is done. A name in `lost` is done, and then its answer is lost,
    as often as it is there. More than `in_time` documents at once are done, and never answered.
    """

    def __init__(self, documents: DocumentStore) -> None:
        self.documents = documents
        self.away = False
        self.lost: list[str] = []
        self.in_time = 1_000
        self.puts: list[list[DocumentVersion]] = []
        self.gets = 0
        self.marks: list[Mark] = []

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        self.puts.append(list(documents))
        if len(documents) > self.in_time:
            self.lost.append("put")
        return await self._do("put", lambda: self.documents.put(documents))

    async def get(self, user_id: UserId) -> DocumentVersion | None:
        self.gets += 1
        return await self._do("get", lambda: self.documents.get(user_id))

    async def mark(self) -> Mark | None:
        return await self._do("mark", self.documents.mark)

    async def put_mark(self, mark: Mark) -> None:
        self.marks.append(mark)
        await self._do("put_mark", lambda: self.documents.put_mark(mark))

    async def put_content(self, story: Story, items: Mapping[str, Mapping[str, object]]) -> None:
        await self._do("put_content", lambda: self.documents.put_content(story, items))

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]:
        return await self.documents.scan(after, limit)

    async def _do(self, name: str, work: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        if self.away:
            raise StoreUnavailable("the server is away", retry_after=0.01)
        done = await work()
        if name in self.lost:
            self.lost.remove(name)
            raise StoreUnavailable("no answer", retry_after=0.01)
        return done


@dataclass
class AwkwardServer:
    """A `Server` without a network. `difference` is what its collections have that ours don't."""

    documents: Awkward = field(default_factory=lambda: Awkward(MemoryDocuments()))
    difference: str | None = None
    verified: int = 0

    @property
    def database(self) -> MongoDatabase:
        raise AssertionError("there is no database behind this server, and nobody may ask for it")

    async def verify(self) -> None:
        self.verified += 1
        if self.documents.away:
            raise StoreUnavailable("the server is away", retry_after=0.01)
        if self.difference is not None:
            raise ConfigError([self.difference])

    async def close(self) -> None:
        pass

    async def places(self) -> Places:
        """Who is there in which version."""
        found = await self.documents.scan(None, 100_000)
        return {user_id: (epoch, version) for user_id, epoch, version in found}


@dataclass
class Copied:
    """A database, and the server that its documents go to."""

    db: DatabaseManager
    clock: Clock

    async def register(self, *users: str) -> None:
        """New users, once it is known that they are new."""
        await until(lambda: self.db.documents.deliveries.inherits is not None)
        for user in users:
            await take_turn(self.db.users, user, self.clock(), registration(user))

    async def turn(self, user: str) -> None:
        """A turn that changes a user."""
        await take_turn(self.db.users, user, self.clock(), earn(1))

    async def places(self) -> Places:
        """Who stands where here, in the present epoch."""
        rows = await self.db.reader.rows("SELECT user_id, version FROM user_documents")
        epoch = self.db.documents.deliveries.mark.epoch
        return {user_id: (epoch, version) for user_id, version in rows}

    async def level(self, *, deadline: float = 15) -> None:
        """Wait until the server has everything and says so."""
        await until(self.is_level, deadline=deadline)

    async def is_level(self) -> bool:
        """Whether nothing waits and the mark there is the last one that we know of."""
        documents = self.db.documents
        assert self.db.mongo is not None
        if documents.waiting() or documents.deliveries.resyncing or self.db.mongo.trouble:
            return False
        try:
            mark = await self.db.mongo.call(lambda store: store.mark())
        except StoreUnavailable:
            return False
        return mark == documents.deliveries.mark


@asynccontextmanager
async def copied(path: Path, clock: Clock, connection: MongoConnection) -> AsyncIterator[Copied]:
    """A database at work, with the actors that bring its documents."""
    database = DatabaseManager(path, clock=clock, mongo=connection)
    try:
        await database.connect_all()
        async with ActorSystem() as system:
            system.spawn(database.writer_actor, name="writer")
            system.spawn(connection.keeper, name="mongo")
            system.spawn(lambda: database.document_relay(load_story()), name="documents")
            yield Copied(database, clock)
    finally:
        await database.close()


@pytest.fixture
def server() -> AwkwardServer:
    return AwkwardServer()


@pytest.fixture
def connection(server: AwkwardServer) -> MongoConnection:
    return MongoConnection(lambda: server)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and pauses of milliseconds in the place of seconds."""
    monkeypatch.setattr(outbox, "IDLE_POLL", 0.02)
    monkeypatch.setattr(relaying, "COMPARE_EVERY", 0.0)
    monkeypatch.setattr(relaying, "GATHERING", 0.0)
    monkeypatch.setattr(relaying.DocumentRelay, "longest_pause", 0.05)
    monkeypatch.setattr(connecting, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(connecting, "LOOK_AGAIN", 0.05)
    monkeypatch.setattr(connecting, "START_PATIENCE", 1.0)
