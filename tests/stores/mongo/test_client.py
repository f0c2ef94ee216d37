"""The client by either driver: its limits, and what a server's troubles become."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from tests.servers.secantus import Secantus, answers, closing, fresh_database
from tests.stores.mongo.certificates import make_certificates
from tests.stores.running import Clock
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.address import Driver, MongoConfig
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.errors import AccessDenied, CommandRefused
from yabot.stores.mongo.preparing import prepare
from yabot.stores.mongo.server import MongoServer
from yabot.stores.mongo.writes import Write

pytestmark = pytest.mark.anyio


def opened(uri: str, driver: Driver) -> AbstractAsyncContextManager[MongoDatabase]:
    return closing(MongoDatabase(MongoConfig(SecretStr(uri), "yabot", driver)))


def numbered(number: int) -> Write:
    return Write({"_id": "1", "n": {"$lt": number}}, {"_id": "1", "n": number})


async def stored(database: MongoDatabase) -> object:
    (found,) = await database.find("things", {"_id": "1"})
    return found["n"]


@pytest.mark.parametrize(
    ("query", "pool", "idle", "socket"),
    [("", (5, 50), 30, 10), ("/?maxPoolSize=2&socketTimeoutMS=300", (0, 2), 30, 0.3)],
)
async def test_pool_and_timeouts_are_ours_unless_the_uri_says_otherwise(
    query: str, pool: tuple[int, int], idle: float, socket: float, driver: Driver
) -> None:
    async with opened(f"mongodb://127.0.0.1:1{query}", driver) as database:
        held: Any = database._database
        options = held.client.options.pool_options
        assert (options.min_pool_size, options.max_pool_size) == pool
        assert options.max_idle_time_seconds == idle
        assert options.socket_timeout == socket


async def test_a_call_that_no_connection_is_free_for_is_refused_in_time(
    mongo_server: Secantus, driver: Driver
) -> None:
    async with opened(f"{mongo_server.uri}?maxPoolSize=2", driver) as database:
        await database.command({"ping": 1})
        async with anyio.create_task_group() as group, mongo_server.frozen():
            for _ in range(2):
                group.start_soon(_until_cancelled, database)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(5):
                with pytest.raises(StoreUnavailable, match="in use"):
                    await database.command({"ping": 1})
            group.cancel_scope.cancel()
        await until(lambda: answers(database))


async def test_many_calls_at_once_share_the_pool(database: MongoDatabase) -> None:
    async with anyio.create_task_group() as group:
        for number in range(200):
            group.start_soon(database.write, "things", [Write({"_id": number}, {"_id": number})])
    assert len(await database.find("things", {}, limit=1000)) == 200


async def test_a_cancelled_call_leaves_a_client_that_works(
    mongo_server: Secantus, driver: Driver
) -> None:
    async with opened(mongo_server.uri, driver) as database:
        await database.write("things", [numbered(1)])
        async with mongo_server.frozen():
            with anyio.move_on_after(0.2) as cancelled:
                await database.write("things", [numbered(2)])
            assert cancelled.cancelled_caught
        await database.write("things", [numbered(2)])
        assert await stored(database) == 2


async def test_a_lost_answer_is_unavailable_and_the_write_can_be_repeated(
    mongo_server: Secantus, driver: Driver
) -> None:
    async with opened(f"{mongo_server.uri}?socketTimeoutMS=300", driver) as database:
        await database.write("things", [numbered(1)])
        async with mongo_server.frozen():
            with anyio.fail_after(5):
                with pytest.raises(StoreUnavailable):
                    await database.write("things", [numbered(2)])

        async def repeated() -> bool:
            try:
                refused = await database.write("things", [numbered(2)])
            except StoreUnavailable:
                return False
            return [one.code for one in refused] in ([], [11000])

        await until(repeated)
        assert await stored(database) == 2


async def test_what_was_acknowledged_is_there_after_a_kill(
    mongo_server: Secantus, driver: Driver
) -> None:
    async with opened(mongo_server.uri, driver) as database:
        for number in range(1, 30):
            await database.write("things", [numbered(number)])
        await mongo_server.kill()
        await mongo_server.restart()
        await until(lambda: answers(database))
        assert await stored(database) == 29


async def test_a_command_that_is_refused_carries_its_code(database: MongoDatabase) -> None:
    with pytest.raises(CommandRefused) as refused:
        await database.command({"noSuchCommand": 1})
    assert refused.value.code == 59


async def test_a_closed_client_is_unavailable(mongo_uri: str, driver: Driver) -> None:
    async with fresh_database(mongo_uri, driver) as other, opened(mongo_uri, driver) as database:
        await other.command({"ping": 1})
        await database.close()
        with pytest.raises(StoreUnavailable):
            await database.command({"ping": 1})


async def test_a_server_without_an_address_is_closed_at_once(driver: Driver) -> None:
    with anyio.fail_after(5):
        async with opened("mongodb://127.0.0.1:1", driver) as database:
            with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
                await database.command({"ping": 1})


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Secantus]:
    """A server that wants a password, with a user who may write and one who may read."""
    server = Secantus(tmp_path / "mongo")
    try:
        await server.start()
        async with opened(server.uri, "motor") as database:
            for user, role in (("writer", "readWrite"), ("reader", "read")):
                roles = [{"role": role, "db": "yabot"}]
                await database.command({"createUser": user, "pwd": "s3cr3t/word", "roles": roles})
        await server.kill()
        server.options = ["--auth"]
        await server.restart()
        yield server
    finally:
        server.end()


def address(server: Secantus, login: str) -> str:
    return f"mongodb://{login}127.0.0.1:{server.port}/yabot"


async def test_a_wrong_password_is_told_as_such_and_never_shown(
    guarded: Secantus, driver: Driver
) -> None:
    async with opened(address(guarded, "writer:wr0ngword@"), driver) as database:
        for _ in range(3):
            with pytest.raises(AccessDenied) as denied:
                await database.find("users", {})
            assert "MONGODB_URI" in str(denied.value)
            assert "wr0ngword" not in f"{denied.value!r} {denied.value} {denied.value.__dict__}"
    async with opened(address(guarded, ""), driver) as database:
        with pytest.raises(AccessDenied):
            await prepare(database)


async def test_collections_that_are_right_need_no_right_to_write(
    guarded: Secantus, driver: Driver, clock: Clock
) -> None:
    async with opened(address(guarded, "reader:s3cr3t%2Fword@"), driver) as database:
        with pytest.raises(AccessDenied):
            await prepare(database)
    async with opened(address(guarded, "writer:s3cr3t%2Fword@"), driver) as database:
        await prepare(database)
    async with opened(address(guarded, "reader:s3cr3t%2Fword@"), driver) as database:
        await prepare(database)


async def test_tls_is_what_the_uri_says(tmp_path: Path, driver: Driver, clock: Clock) -> None:
    authority, certificate, key = make_certificates(tmp_path)
    options = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    server = Secantus(tmp_path / "mongo", options=options, query=f"tls=true&tlsCAFile={authority}")
    try:
        await server.start()
        old = f"{server.uri}&ssl_cert_reqs=CERT_REQUIRED"
        config = MongoConfig(SecretStr(old), "yabot", driver)
        async with closing(MongoServer(config, clock)) as copies:
            await copies.verify()
            assert await copies.documents.mark() is None
        unknown = f"mongodb://127.0.0.1:{server.port}/?tls=true"
        async with opened(unknown, driver) as database:
            with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
                await database.command({"ping": 1})
    finally:
        server.end()


async def _until_cancelled(database: MongoDatabase) -> None:
    await database.find("things", {})
