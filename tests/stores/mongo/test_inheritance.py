"""A user whom another database knew goes on where they were."""

from pathlib import Path

import pytest

from actors import ActorSystem
from tests.stores.mongo.copying import AwkwardServer, copied
from tests.stores.running import Clock, query
from tests.stores.turns import commit_of, registration
from tests.waiting import until
from yabot.domain.commands import ChangePreferences, DeleteUser
from yabot.domain.decision import Applied, Once
from yabot.domain.user import User
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.connection import MongoConnection
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.turn import Turn

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


async def former_machine(path: Path, clock: Clock, server: AwkwardServer) -> None:
    """User 1 has chosen English; user 2 was deleted."""
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.register("1", "2")
        for user, command in (("1", ChangePreferences(language="en")), ("2", DeleteUser())):
            stored = await it.db.users.load(user)
            await it.db.users.commit(commit_of(stored, user, clock(), command))
        await it.level()


async def nothing(turn: Turn, update: object) -> None:
    """No handlers."""


def directory(system: ActorSystem, it: object, clock: Clock) -> UserDirectory:
    db = it.db  # type: ignore[attr-defined]
    parts = UserParts(store=db.users, handle=nothing, render=lambda turn: None, clock=clock)
    return UserDirectory(system, parts, db.inbox)


async def test_a_user_of_the_former_machine_goes_on_with_their_document(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    await former_machine(path, clock, server)
    async with copied(tmp_path / "new.db", clock, MongoConnection(lambda: server)) as it:
        await it.level()
        async with ActorSystem() as system:
            users = directory(system, it, clock)
            assert await users.get("1") is None
            once = Once("api:test:unknown", "")
            await users.apply("1", ChangePreferences(theme="dark"), once=once)
            outcome = await users.apply("1", registration("1"))
            assert isinstance(outcome, Applied)
            assert isinstance(outcome.after, User)
            assert outcome.after.language == "en"
            outcome = await users.apply("2", registration("2"))
            assert isinstance(outcome, Applied)
            assert isinstance(outcome.after, User)
            assert outcome.after.language == "es"
        await it.level()
        assert await server.places() == {"1": (2, 1), "2": (2, 1)}


async def test_while_the_server_is_away_nobody_is_taken_for_new(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    await former_machine(path, clock, server)
    server.documents.away = True
    async with copied(tmp_path / "new.db", clock, MongoConnection(lambda: server)) as it:
        with pytest.raises(StoreUnavailable):
            await it.db.users.load("1")
        server.documents.away = False
        await it.level()
        stored = await it.db.users.load("1")
        assert stored.kept is not None
        assert stored.kept.preferences.language == "en"
        server.documents.away = True
        with pytest.raises(StoreUnavailable):
            await it.db.users.load("1")


async def test_only_people_are_looked_up(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    await former_machine(path, clock, server)
    async with copied(tmp_path / "new.db", clock, MongoConnection(lambda: server)) as it:
        await it.level()
        server.documents.gets = 0
        assert (await it.db.users.load("chat:-100")).kept is None
        assert server.documents.gets == 0


async def test_a_server_that_only_we_have_fed_is_never_asked_for_a_user(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        server.documents.away = True
        assert (await it.db.users.load("404")).user is None
        assert server.documents.gets == 0
    assert query(path, "SELECT inherits FROM document_relay") == [(0,)]


async def test_who_is_new_is_known_for_ever_once_the_server_was_asked(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await until(lambda: it.db.documents.deliveries.inherits is False)
    server.documents.away = True
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        assert (await it.db.users.load("404")).user is None


async def test_a_database_with_users_of_its_own_never_waits_for_its_first_server(
    path: Path, clock: Clock, server: AwkwardServer
) -> None:
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.register("1")
        await it.db.writer.fence()
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE document_relay SET inherits = NULL")
        connection.commit()
    server.documents.away = True
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        assert (await it.db.users.load("404")).user is None
