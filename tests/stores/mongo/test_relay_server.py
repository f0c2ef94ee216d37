"""The relay over a real server that dies, hangs, forgets, or is put back to a backup."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from tests.servers.secantus import Secantus
from tests.stores.mongo.copying import Copied, Places, copied
from tests.stores.running import Clock
from tests.waiting import until
from yabot.errors import ConfigError
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo.address import Driver, MongoConfig
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.server import MongoServer

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]

USERS = [str(n) for n in range(1, 13)]
IMPATIENT = "?socketTimeoutMS=300&serverSelectionTimeoutMS=300&connectTimeoutMS=300"


def to(server: Secantus, clock: Clock, driver: Driver = "motor") -> MongoConnection:
    config = MongoConfig(SecretStr(server.uri + IMPATIENT), "yabot", driver)
    return MongoConnection(lambda: MongoServer(config, clock))


async def places(it: Copied) -> Places:
    """Who is on the server in which version."""
    assert it.db.mongo is not None
    found = await it.db.mongo.call(lambda store: store.scan(None, 1_000))
    return {user_id: (epoch, version) for user_id, epoch, version in found}


@asynccontextmanager
async def at_work(path: Path, clock: Clock, connection: MongoConnection) -> AsyncIterator[Copied]:
    """Every user is there, and the server is level."""
    async with copied(path, clock, connection) as it:
        await it.register(*USERS)
        await it.level()
        yield it


async def test_a_server_that_is_killed_and_comes_back_is_level_again(
    path: Path, clock: Clock, mongo_server: Secantus, driver: Driver
) -> None:
    async with at_work(path, clock, to(mongo_server, clock, driver)) as it:
        for _ in range(2):
            await mongo_server.kill()
            with anyio.fail_after(5):
                for user in USERS:
                    await it.turn(user)
            await mongo_server.restart()
            await it.level()
            assert await places(it) == await it.places()
        assert it.db.copying.resyncs == 1


async def test_a_server_that_takes_and_does_not_answer_costs_repetitions_and_no_more(
    path: Path, clock: Clock, mongo_server: Secantus, driver: Driver
) -> None:
    connection = to(mongo_server, clock, driver)
    async with at_work(path, clock, connection) as it:
        async with mongo_server.frozen():
            for user in USERS:
                await it.turn(user)
            await until(lambda: connection.trouble is not None)
        await it.level()
        assert await places(it) == await it.places()
        assert it.db.copying.resyncs == 1


async def test_a_server_that_is_put_back_to_a_backup_gets_everything_again(
    path: Path, clock: Clock, mongo_server: Secantus, tmp_path: Path
) -> None:
    data, backup = mongo_server.folder / "data", tmp_path / "backup"
    async with at_work(path, clock, to(mongo_server, clock)) as it:
        await mongo_server.stop()
        shutil.copytree(data, backup)
        await mongo_server.restart()
        for user in USERS:
            await it.turn(user)
        await it.register("99")
        await it.level()
        await mongo_server.stop()
        shutil.rmtree(data)
        backup.rename(data)
        await mongo_server.restart()
        await until(lambda: it.db.copying.resyncs == 2)
        await it.level()
        assert await places(it) == await it.places()


async def test_a_server_that_comes_back_with_nothing_gets_everything_again(
    path: Path, clock: Clock, mongo_server: Secantus
) -> None:
    async with at_work(path, clock, to(mongo_server, clock)) as it:
        await mongo_server.kill()
        shutil.rmtree(mongo_server.folder / "data")
        await mongo_server.restart()
        await until(lambda: it.db.copying.resyncs == 2)
        await it.level()
        assert await places(it) == await it.places()


async def test_collections_that_are_not_ours_end_a_start_with_the_difference(
    path: Path, clock: Clock, mongo_server: Secantus
) -> None:
    async with at_work(path, clock, to(mongo_server, clock)) as it:
        await change_validator(it)
    database = DatabaseManager(path, clock=clock, mongo=to(mongo_server, clock))
    with pytest.raises(ConfigError, match="users"):
        await database.connect_all()


async def test_collections_that_change_later_are_told_and_nothing_is_set_aside(
    path: Path, clock: Clock, mongo_server: Secantus
) -> None:
    connection = to(mongo_server, clock)
    async with at_work(path, clock, connection) as it:
        validator = await change_validator(it)
        for user in USERS:
            await it.turn(user)
        await until(lambda: connection.trouble is not None)
        assert "users" in connection.health().reason
        assert await it.db.dead_letters.count() == 0
        await it.db.get_mongo_db().command({"collMod": "users", "validator": validator})
        await it.level()
        assert await places(it) == await it.places()


async def change_validator(it: Copied) -> object:
    """Have the server refuse every document; what it demanded before."""
    database = it.db.get_mongo_db()
    listed = await database.command({"listCollections": 1, "filter": {"name": "users"}})
    cursor = listed["cursor"]
    assert isinstance(cursor, dict)
    validator = cursor["firstBatch"][0]["options"]["validator"]
    refusing = {"$jsonSchema": {"required": ["a_field_of_somebody_else"]}}
    await database.command({"collMod": "users", "validator": refusing})
    return validator
