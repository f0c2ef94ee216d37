"""Reader: a failed query says that the database is away, and the next one opens it again."""

import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiosqlite
import anyio
import pytest

from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.stores.connections import open_reading
from yabot.stores.reader import Reader

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "t.db"
    sqlite3.connect(path).close()
    return path


@pytest.fixture
async def reader(path: Path) -> AsyncIterator[Reader]:
    made = Reader(partial(open_reading, path))
    yield made
    await made.close()


async def test_rows_are_read(reader: Reader) -> None:
    assert await reader.rows("SELECT ?, 'x' UNION ALL SELECT 2, 'y'", 1) == [(1, "x"), (2, "y")]
    assert await reader.row("SELECT 1 WHERE 0") is None
    assert await reader.row("SELECT 7") == (7,)


async def test_a_lost_connection_is_opened_again(reader: Reader) -> None:
    await (await reader.connection()).close()
    with pytest.raises(StoreUnavailable) as away:
        await reader.rows("SELECT 1")
    assert away.value.retry_after is not None
    assert await reader.rows("SELECT 1") == [(1,)]


async def test_a_database_that_is_away_is_said_to_be_away_until_it_is_back(path: Path) -> None:
    fails = 2

    async def connect() -> aiosqlite.Connection:
        nonlocal fails
        if fails:
            fails -= 1
            raise sqlite3.OperationalError("unable to open database file")
        return await open_reading(path)

    reader = Reader(connect)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await reader.rows("SELECT 1")
    assert await reader.rows("SELECT 1") == [(1,)]
    await reader.close()


async def test_a_kept_reader_is_open_again_before_anybody_asks(path: Path) -> None:
    opened: list[aiosqlite.Connection] = []
    fails = 0

    async def connect() -> aiosqlite.Connection:
        nonlocal fails
        if fails:
            fails -= 1
            raise sqlite3.OperationalError("unable to open database file")
        opened.append(await open_reading(path))
        return opened[-1]

    reader = Reader(connect)
    async with anyio.create_task_group() as group:
        group.start_soon(reader.keep)
        await until(lambda: len(opened) == 1)
        fails = 2
        await opened[0].close()
        with pytest.raises(StoreUnavailable):
            await reader.rows("SELECT 1")
        await until(lambda: len(opened) == 2)
        group.cancel_scope.cancel()
    assert await reader.rows("SELECT 1") == [(1,)]
    await reader.close()


async def test_a_database_that_keeps_failing_is_not_asked_for_a_moment(path: Path) -> None:
    asked = 0

    async def connect() -> aiosqlite.Connection:
        nonlocal asked
        asked += 1
        raise sqlite3.OperationalError("unable to open database file")

    reader = Reader(connect)
    for _ in range(5):
        with pytest.raises(StoreUnavailable) as away:
            await reader.rows("SELECT 1")
    assert asked == 3
    assert "a moment ago" in str(away.value)
    await reader.close()


async def test_a_closed_reader_stays_closed(reader: Reader) -> None:
    await reader.rows("SELECT 1")
    await reader.close()
    with pytest.raises(StoreUnavailable):
        await reader.rows("SELECT 1")


async def test_a_reader_changes_nothing(reader: Reader) -> None:
    with pytest.raises(StoreUnavailable, match="readonly"):
        await reader.rows("CREATE TABLE t (a)")
