"""A restore while a server holds copies: it is brought level, and the lag shows until it is."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from tests.servers.secantus import Secantus
from tests.stores.mongo.copying import AwkwardServer, Copied, copied
from tests.stores.mongo.test_relay_server import IMPATIENT, places, to
from tests.stores.running import Clock
from tests.stores.turns import commit_of, registration, take_turn
from tests.waiting import until
from yabot.domain.commands import ChangePreferences, DeleteUser
from yabot.domain.user import UserDocument
from yabot.stores.backup import back_up
from yabot.stores.connections import connect
from yabot.stores.mongo.address import Driver, MongoConfig
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.documents import MongoDocuments
from yabot.stores.mongo.ports import DocumentStore, DocumentVersion, Refused
from yabot.stores.mongo.server import MongoServer
from yabot.stores.restore import restore
from yabot.users.ports import Call

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


class Gated(MongoDocuments):
    """Documents of a server that takes none before `gate` is set."""

    gate: anyio.Event

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        await self.gate.wait()
        return await super().put(documents)


def behind(server: Secantus, clock: Clock, driver: Driver, gate: anyio.Event) -> MongoConnection:
    """A connection to the server behind its gate."""
    config = MongoConfig(SecretStr(server.uri + IMPATIENT), "yabot", driver)

    def make() -> MongoServer:
        made = MongoServer(config, clock)
        made.documents = Gated(made.database, clock)
        made.documents.gate = gate
        return made

    return MongoConnection(make)


async def change(it: Copied, user: str, *commands: ChangePreferences | DeleteUser) -> None:
    """A turn that changes somebody's document."""
    await take_turn(it.db.users, user, it.clock(), *commands)


async def live(it: Copied, path: Path, backup: Path) -> None:
    """Users 1 to 3, a reply that waits, a backup; then 1 changes, 2 goes, 4 and 5 come, 5 goes."""
    await it.register("1", "2", "3")
    stored = await it.db.users.load("1")
    reply = Call(1, "chat:1", "sendMessage", b"{}")
    await it.db.users.commit(commit_of(stored, "1", it.clock(), calls=(reply,)))
    await it.level()
    back_up(path, backup, connect)
    for _ in range(3):
        await it.turn("1")
    await change(it, "1", ChangePreferences(language="en"))
    await change(it, "2", DeleteUser())
    await it.register("4", "5")
    await change(it, "4", ChangePreferences(language="en"))
    await change(it, "5", DeleteUser())
    await it.level()


async def get(store: DocumentStore, user_id: str) -> DocumentVersion | None:
    return await store.get(user_id)


async def bodies(it: Copied) -> dict[str, UserDocument | None]:
    """Whose document on the server says what."""
    assert it.db.mongo is not None
    found = {}
    for user in await it.places():
        version = await it.db.mongo.call(partial(get, user_id=user))
        assert version is not None
        body = version.body
        found[user] = None if body is None else UserDocument.model_validate_json(body)
    return found


async def test_a_restore_brings_the_server_level_and_its_lag_shows_until_then(
    path: Path, tmp_path: Path, clock: Clock, mongo_server: Secantus, driver: Driver
) -> None:
    backup = tmp_path / "backup.db"
    async with copied(path, clock, to(mongo_server, clock, driver)) as it:
        await live(it, path, backup)
        assert (await places(it)) == (await it.places())
        assert (await places(it))["4"] == (1, 2)
    await mongo_server.kill()
    done = restore(backup, path, connect, clock())
    assert (done.epoch, done.replies_dropped, done.newcomers) == (2, 1, 2)

    gate = anyio.Event()
    connection = behind(mongo_server, clock, driver, gate)
    async with copied(path, clock, connection) as it:
        documents = it.db.documents
        assert await it.db.replies.waiting() == 0
        await until(lambda: connection.trouble is not None)
        assert documents.waiting() > 0
        assert documents.lag() > 0
        await mongo_server.restart()
        await until(lambda: documents.waiting() == 5)
        assert documents.deliveries.resyncing
        assert documents.lag() > 0
        assert (await places(it))["1"] == (1, 6)
        gate.set()
        await it.level()

        assert documents.lag() == 0
        assert it.db.copying.resyncs == 1
        assert await places(it) == await it.places()
        there = await bodies(it)
        for user, body in there.items():
            here = (await it.db.users.load(user)).user
            assert body == (here.document if here is not None else None)
        assert {user for user, body in there.items() if body is not None} == {"1", "2", "3"}

        await it.register("4")
        await it.turn("1")
        await it.level()
        assert await places(it) == await it.places()
        again = (await it.db.users.load("4")).user
        assert again is not None
        assert again.language == "es"


async def test_users_of_another_database_stay_whatever_is_restored(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    backup = tmp_path / "backup.db"
    other = tmp_path / "other.db"
    async with copied(other, clock, MongoConnection(lambda: server)) as it:
        await it.register("7", "8")
        await it.level()
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        await live(it, path, backup)
    restore(backup, path, connect, clock())
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == {**await it.places(), "7": (1, 1), "8": (1, 1)}
        kept = (await it.db.users.load("7")).kept
        assert kept is not None
        assert kept.user_id == "7"


async def test_a_backup_of_another_database_forgets_nobody_of_the_replaced_one(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    backup = tmp_path / "backup.db"
    other = tmp_path / "other.db"
    async with copied(other, clock, MongoConnection(AwkwardServer)) as it:
        await it.register("1")
        back_up(other, backup, connect)
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.register("1", "2")
        await it.level()
    assert restore(backup, path, connect, clock()).newcomers == 0
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == {**await it.places(), "2": (1, 1)}
        assert (await it.db.users.load("2")).kept is not None


@pytest.mark.parametrize("lost", ["gone", "unreadable"])
async def test_where_the_replaced_database_is_lost_who_came_after_the_backup_goes_on(
    lost: str, path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer
) -> None:
    backup = tmp_path / "backup.db"
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await live(it, path, backup)
        former = await server.places()
    if lost == "gone":
        path.unlink()  # noqa: ASYNC240
    else:
        path.write_bytes(b"all of it is lost " * 1000)  # noqa: ASYNC240
    done = restore(backup, path, connect, clock())
    assert done.newcomers == 0
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        here = await it.places()
        assert set(here) == {"1", "2", "3"}
        assert await server.places() == {**here, "4": former["4"], "5": former["5"]}
        stored = await it.db.users.load("4")
        assert stored.user is None
        assert stored.kept is not None
        assert stored.kept.preferences.language == "en"
        assert (await it.db.users.load("5")).kept is None
        await take_turn(it.db.users, "4", clock(), registration("4"))
        await it.level()
        assert (await server.places())["4"] == (done.epoch, 1)
