"""MongoDB's part of the tree, and what the doctor says of it."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
import pytest

from actors import Actor, ActorSystem
from actors.testing import virtual_clock
from supervision import Child, Health, Strategy, Supervisor, render, run_tree
from tests.processes import free_port
from tests.servers.secantus import mongo_uri
from tests.stores.mongo.copying import AwkwardServer
from yabot.commands.doctor import Finding, examine
from yabot.config import ConfigManager
from yabot.content.loader import load_story
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo.connection import MongoConnection
from yabot.wiring import copies

__all__ = ["mongo_uri"]

HOUR = 3600.0


class Steady(Actor[object]):
    """Counts its lives."""

    lives = 0

    async def started(self) -> None:
        Steady.lives += 1


class Failing(Actor[object]):
    """Crashes at once, whenever it is started."""

    async def run(self) -> None:
        raise RuntimeError("a mistake in the program")


@pytest.fixture
def no_log_of_expected_crashes() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("failing", ["keeper", "relay"])
@pytest.mark.usefixtures("no_log_of_expected_crashes")
def test_a_part_of_mongodb_that_always_crashes_never_restarts_sqlite(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = MongoConnection(AwkwardServer)
    monkeypatch.setattr(Steady, "lives", 0)
    kept = Failing if failing == "keeper" else Actor[object]
    monkeypatch.setattr(connection, "keeper", lambda: kept())
    database = cast(
        DatabaseManager,
        SimpleNamespace(
            mongo=connection,
            document_relay=lambda story: Failing() if failing == "relay" else Actor[object](),
        ),
    )
    stores = Supervisor(
        "stores",
        strategy=Strategy.REST_FOR_ONE,
        children=(Child("sqlite", Steady), *copies.branch(database, load_story())),
    )

    async def main() -> None:
        async with ActorSystem() as system, run_tree(system, Supervisor("bot", (stores,))) as tree:
            await anyio.sleep(HOUR)
            assert tree.health() is Health.DEGRADED
            assert "mongodb" in render(tree.snapshot())

    name, options = virtual_clock("asyncio")
    anyio.run(main, backend=name, backend_options=options)
    assert Steady.lives == 1


def test_without_an_address_there_is_no_connection_and_no_part_of_the_tree(tmp_path: Path) -> None:
    config = settings(tmp_path).get_database_config()
    assert copies.connection(config, clock=None, report=None) is None  # type: ignore[arg-type]
    assert finding(settings(tmp_path)).well


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
def test_the_doctor_tells_what_server_is_there_without_its_password(
    driver: str, mongo_uri: str, tmp_path: Path
) -> None:
    found = finding(
        settings(
            tmp_path, mongodb_uri=mongo_uri, mongodb_database=f"d_{driver}", mongodb_driver=driver
        )
    )
    assert found.well
    assert f"d_{driver} at 127.0.0.1" in found.seen
    assert driver in found.seen


def test_the_doctor_tells_of_a_server_that_does_not_answer(tmp_path: Path) -> None:
    uri = f"mongodb://somebody:hidden@127.0.0.1:{free_port()}/"
    found = finding(settings(tmp_path, mongodb_uri=uri))
    assert not found.well
    assert "hidden" not in found.line()


def test_the_doctor_tells_of_an_option_that_does_not_exist(tmp_path: Path) -> None:
    found = finding(
        settings(tmp_path, mongodb_uri="mongodb://somebody:hidden@localhost/?tls=maybe")
    )
    assert "MONGODB_URI" in found.advice
    assert "hidden" not in found.line()


def settings(folder: Path, **given: object) -> ConfigManager:
    return ConfigManager.load(sqlite_database_path=folder / "yabot.db", **given)


def finding(config: ConfigManager) -> Finding:
    (found,) = [each for each in examine(config) if each.what == "mongodb"]
    return found
