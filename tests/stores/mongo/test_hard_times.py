"""A server that keeps only what it must, rows of an older schema, and clocks that go back."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.servers.secantus import Secantus
from tests.stores.mongo.copying import AwkwardServer, copied
from tests.stores.mongo.test_relay_server import USERS, at_work, places, to
from tests.stores.running import Clock, query, running
from tests.stores.turns import commit_of, earn, registration, take_turn
from tests.waiting import until
from yabot.domain.commands import DeleteUser
from yabot.errors import StoreUnavailable
from yabot.stores.connections import open_writing
from yabot.stores.migrations import MigrationManager, read_migrations
from yabot.stores.mongo.connection import MongoConnection

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


async def test_a_server_that_syncs_by_itself_nothing_keeps_what_it_has_acknowledged(
    path: Path, tmp_path: Path, clock: Clock
) -> None:
    server = Secantus(tmp_path / "unsynced", synced=False)
    try:
        await server.start()
        async with at_work(path, clock, to(server, clock)) as it:
            for round_ in range(3):
                for user in USERS:
                    await it.turn(user)
                if round_ < 2:
                    await it.level()
                await server.kill()
                await server.restart()

                async def as_before() -> bool:
                    try:
                        return await places(it) == await it.places()
                    except StoreUnavailable:
                        return False

                await until(as_before)
            assert it.db.copying.resyncs == 1
    finally:
        server.end()


async def test_documents_that_an_older_schema_left_are_brought_as_they_are(
    path: Path, clock: Clock, server: AwkwardServer
) -> None:
    async with running(path, clock) as db:
        for user in ("1", "2"):
            await take_turn(db.users, user, clock(), registration(user))
        stored = await db.users.load("2")
        await db.users.commit(commit_of(stored, "2", clock(), DeleteUser()))
    rows = query(path, "SELECT user_id, epoch, version, document, deleted_at FROM user_documents")
    older = path.with_name("older.db")
    connection = await open_writing(older)
    await MigrationManager(connection, read_migrations()[:1]).migrate()
    await connection.close()
    with closing(sqlite3.connect(older)) as database, database:
        database.execute("DROP TRIGGER documents_follow_on")
        database.executemany(
            "INSERT INTO user_documents (user_id, epoch, version, document, deleted_at)"
            " VALUES (?, ?, ?, ?, ?)",
            [(*row[:3], older_form(row[3]), row[4]) for row in rows],
        )
    async with copied(older, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == {"1": (1, 1), "2": (1, 2)}
        gone = await server.documents.get("2")
        assert gone is not None
        assert gone.body is None
        assert await it.db.dead_letters.count() == 0


def older_form(document: str | None) -> str | None:
    """The document as it was before gifts: without the fields that came later."""
    if document is None:
        return None
    for later in ('"gifts_given":[],', '"gifts_taken":[],'):
        assert later in document
        document = document.replace(later, "")
    return document


async def test_clocks_that_jump_put_nothing_out_of_order(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        balance = 0
        for jump in (timedelta(days=-2), timedelta(days=400), timedelta(days=-800)):
            clock.now += jump
            await take_turn(it.db.users, "1", clock(), earn(1))
            balance += 1
        await it.level()
        copy = await server.documents.get("1")
        assert copy is not None
        assert (copy.version, copy.at) == (4, clock())
        stored = await it.db.users.load("1")
        assert stored.user is not None
        assert stored.user.balance == balance
        events = await it.db.events.feed("late").read(0, 100)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        moments = [event.at for event in events]
        assert moments != sorted(moments)
        newest = await it.db.users.movements("1")
        assert [movement.id for movement in newest] == [3, 2, 1]
