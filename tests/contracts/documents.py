"""The places for documents that the suites run on: in the bot's own file, in memory, and on a real
server by each driver."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from pydantic import JsonValue, SecretStr

from tests.fakes.documents import MemoryDocuments
from tests.servers.secantus import Secantus, closing, fresh_database
from tests.stores.running import Clock, running
from yabot.domain.story import Fragment, Story
from yabot.domain.user import (
    Choice,
    Conversation,
    CurrentState,
    NarrativeProgress,
    SessionData,
    UserDocument,
)
from yabot.domain.values import UserId
from yabot.errors import StaleVersion
from yabot.stores.connections import Connector
from yabot.stores.database import DatabaseManager
from yabot.stores.moments import to_micros
from yabot.stores.mongo.address import Driver, MongoConfig
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.documents import MongoDocuments
from yabot.stores.mongo.ports import DocumentStore, DocumentVersion, Refused
from yabot.stores.mongo.preparing import prepare
from yabot.stores.mongo.server import MongoServer
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)

Content = tuple[Mapping[tuple[str, str], str], Mapping[str, object]]
"""The titles of the fragments by language and id, and the names of the items by id."""


BEYOND = "SELECT user_id, epoch, version FROM user_documents WHERE user_id > ? ORDER BY 1 LIMIT ?"


class Documents(Protocol):
    """What the bot's own documents and every copy of them have in common: see DocumentStore."""

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]: ...

    async def get(self, user_id: UserId) -> DocumentVersion | None: ...

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]: ...


class OwnDocuments:
    """The documents in the bot's own file, written by the rows of a turn, read by its outbox.

    A turn follows on from the version before, so the versions of one user are put without a gap.
    """

    def __init__(self, db: DatabaseManager) -> None:
        self._db = db

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        """Write each in the order of versions; a stale one is refused, as a turn's would be."""
        for document in sorted(documents, key=lambda one: (one.epoch, one.version)):
            try:
                await self._db.writer.write(_row(document))
            except StaleVersion:
                continue
        return []

    async def get(self, user_id: UserId) -> DocumentVersion | None:
        """What the outbox has for the copies."""
        queued = await self._db.documents.read(0, 1000)
        return next((row.document for row in queued if row.document.user_id == user_id), None)

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]:
        """Who is there in which version."""
        rows = await self._db.reader.rows(BEYOND, after or "", limit)
        return [(user_id, epoch, version) for user_id, epoch, version in rows]


def _row(document: DocumentVersion) -> Row:
    head = (document.user_id, document.epoch, document.version)
    if document.body is None:
        return Statement.ERASE_DOCUMENT, (*head, to_micros(document.at))
    return Statement.DOCUMENT_PUT, (*head, document.body.decode())


@asynccontextmanager
async def in_own_file(path: Path, clock: Clock, connector: Connector) -> AsyncIterator[Documents]:
    """The bot's own, in the file at `path`."""
    async with running(path, clock, connector=connector) as db:
        await db.documents.open()
        yield OwnDocuments(db)


@dataclass(frozen=True)
class Copies:
    """One implementation, and what other services read of its content."""

    documents: DocumentStore
    content: Callable[[], Awaitable[Content]]


@dataclass(frozen=True)
class Mortal:
    """One implementation that is away for as long as `away()` is entered."""

    documents: DocumentStore
    away: Callable[[], AbstractAsyncContextManager[None]]


def in_memory() -> Copies:
    """The fake."""
    memory = MemoryDocuments()

    async def content() -> Content:
        titles = {key: fragment.title for key, fragment in memory.fragments.items()}
        return titles, {key: item["name"] for key, item in memory.items.items()}

    return Copies(memory, content)


@asynccontextmanager
async def on_server(uri: str, driver: Driver, clock: Clock) -> AsyncIterator[Copies]:
    """The real ones, in a database of their own."""
    async with fresh_database(uri, driver) as database:
        await prepare(database)
        yield Copies(MongoDocuments(database, clock), lambda: _content(database))


async def _content(database: MongoDatabase) -> Content:
    fragments = await database.find("narrative_fragments", {}, limit=1000)
    items = await database.find("items", {}, limit=1000)
    titles = {
        (str(one["language"]), str(one["fragment_id"])): str(one["title"]) for one in fragments
    }
    return titles, {str(one["item_id"]): one["name"] for one in items}


def mortal_in_memory() -> Mortal:
    """The fake, away on demand."""
    memory = MemoryDocuments()

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        memory.failing = True
        yield
        memory.failing = False

    return Mortal(memory, away)


@asynccontextmanager
async def mortal_on_server(server: Secantus, driver: Driver, clock: Clock) -> AsyncIterator[Mortal]:
    """The real one, on a server that is killed and started again."""
    config = MongoConfig(SecretStr(server.uri), "yabot", driver)

    @asynccontextmanager
    async def away() -> AsyncIterator[None]:
        await server.kill()
        yield
        await server.restart()

    async with closing(MongoServer(config, clock)) as copies:
        await copies.verify()
        yield Mortal(copies.documents, away)


def story(*titles: tuple[str, str, str]) -> Story:
    """A story of fragments, each as (language, id, title)."""
    fragments: dict[str, dict[str, Fragment]] = {}
    for language, fragment_id, title in titles:
        fragment = Fragment(fragment_id=fragment_id, title=title, content="...", tags=("intro",))
        fragments.setdefault(language, {})[fragment_id] = fragment
    return Story.model_validate({"fragments": fragments})


def document(user_id: str = "1", *, menu: str = "main_menu", **data: JsonValue) -> UserDocument:
    """A user in the middle of things; `data` is that of a conversation."""
    progress = NarrativeProgress(
        current_fragment="forest",
        completed_fragments=("intro",),
        choices_made=(Choice(fragment="intro", choice="a"),),
    )
    return UserDocument(
        user_id=user_id,
        current_state=CurrentState(
            menu_context=menu,
            narrative_progress=progress,
            session_data=SessionData(last_activity=NOW),
        ),
        conversations={f"{user_id}:7": Conversation(state="Game:guess", data=data)},
        last_daily=NOW - timedelta(hours=1),
        created_at=NOW - timedelta(days=9),
        updated_at=NOW,
    )


def version(number: int, user_id: str = "1", *, epoch: int = 1) -> DocumentVersion:
    """The user as commit `number` of an epoch left them; the menu tells which."""
    at = NOW + timedelta(seconds=number, microseconds=number)
    left = document(user_id, menu=f"e{epoch}.v{number}").model_copy(update={"updated_at": at})
    return DocumentVersion(user_id, epoch, number, left.model_dump_json().encode(), at)


def tombstone(number: int, user_id: str = "1", *, epoch: int = 1) -> DocumentVersion:
    return DocumentVersion(user_id, epoch, number, None, NOW)


async def menu(documents: Documents, user_id: str = "1") -> str | None:
    """What is there of a user; None for a tombstone."""
    found = await documents.get(user_id)
    assert found is not None
    if found.body is None:
        return None
    read = UserDocument.model_validate_json(found.body)
    assert read.current_state.menu_context == f"e{found.epoch}.v{found.version}"
    return read.current_state.menu_context
