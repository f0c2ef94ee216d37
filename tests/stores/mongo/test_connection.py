"""MongoConnection: away, ready, incompatible; at a start and later."""

from pathlib import Path

import anyio
import pytest

from supervision import Health
from tests.stores.mongo.copying import AwkwardServer, copied
from tests.stores.running import Clock
from tests.waiting import until
from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo.connection import MongoConnection

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


async def test_a_start_goes_on_without_a_server_that_is_away_and_levels_later(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    server.documents.away = True
    async with copied(path, clock, connection) as it:
        assert connection.health().health is Health.DOWN
        assert "away" in connection.health().reason
        server.documents.away = False
        await it.register("1")
        await it.level()
        assert connection.health().health is Health.OK
        assert connection.detail() == "breaker closed"


async def test_a_start_ends_with_the_difference_of_a_server_that_is_not_ours(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    server.difference = "users: the index user_id is not unique; drop it"
    database = DatabaseManager(path, clock=clock, mongo=connection)
    with pytest.raises(ConfigError) as error:
        await database.connect_all()
    assert error.value.problems == [server.difference]


async def test_a_server_found_different_later_is_shown_and_turns_go_on(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        server.documents.away = True
        await it.turn("1")
        await until(lambda: connection.trouble is not None)
        server.difference = "users: the validator differs"
        server.documents.away = False
        await until(lambda: connection.health().reason == server.difference)
        with anyio.fail_after(5):
            await it.turn("1")
        server.difference = None
        await it.level()
        assert await server.places() == {"1": (1, 3)}


async def test_a_call_to_a_server_that_is_away_fails_at_once(
    server: AwkwardServer, connection: MongoConnection
) -> None:
    server.documents.away = True
    await connection.start()
    with anyio.fail_after(0.5), pytest.raises(StoreUnavailable):
        await connection.ping()


async def test_a_start_does_not_wait_long_for_a_server_that_says_nothing(
    server: AwkwardServer, connection: MongoConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "verify", anyio.sleep_forever)
    with anyio.fail_after(5):
        await connection.start()
    assert connection.trouble is not None


async def test_health_tells_each_database(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        assert await it.db.health_check() == {"sqlite": True, "mongodb": True}
        server.documents.away = True
        assert await it.db.health_check() == {"sqlite": True, "mongodb": False}
