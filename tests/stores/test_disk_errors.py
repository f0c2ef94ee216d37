"""The file itself refuses: another program holds its lock, or the disk fails in the middle."""

import asyncio
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.stores.running import query, write_all
from yabot.errors import StoreUnavailable
from yabot.stores import connections
from yabot.stores.connections import open_writing
from yabot.stores.migrations import MigrationManager
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.write_queue import BATCH_ITEMS
from yabot.stores.writer import Writer

pytestmark = pytest.mark.anyio

BIG = "x" * 50_000


def batch(body: str = "{}") -> list[tuple[Row, ...]]:
    """Five items that wait together."""
    return [((Statement.ITEM_ADD, (f"i{n}", body)),) for n in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


@pytest.fixture
async def writer(path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """A writer over a migrated file, which is soon tired of waiting for a lock."""
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    made = Writer(partial(open_writing, path))
    await MigrationManager(await made.connection()).migrate()
    return made


async def outcomes(writer: Writer, items: list[tuple[Row, ...]]) -> list[type]:
    """What each waiter is told, when all have waited together."""
    return [type(told) for told in await write_all(writer, *items)]


@contextmanager
def files_can_not_grow(path: Path) -> Iterator[None]:
    """Until the end of the block every write beyond the size of the database's log fails (EFBIG).

    SQLite has no other name for that than an I/O error.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = path.with_name(f"{path.name}-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_file_that_another_program_holds_fails_every_waiter_and_heals(
    writer: Writer, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert await outcomes(writer, batch()) == [StoreUnavailable] * 5
        assert "locked" in (writer.statistics().last_error or "")
        other.execute("ROLLBACK")
    assert query(path, "SELECT * FROM items") == []
    assert await outcomes(writer, batch()) == [type(None)] * 5
    assert not writer.statistics().failing
    await writer.close()


async def test_a_disk_that_fails_at_the_commit_fails_every_waiter_and_heals(
    writer: Writer, path: Path
) -> None:
    with files_can_not_grow(path):
        assert await outcomes(writer, batch(BIG)) == [StoreUnavailable] * 5
        assert writer.statistics().last_error == "CommitInDoubt: disk I/O error"
        assert query(path, "SELECT * FROM items") == []
    assert await outcomes(writer, batch(BIG)) == [type(None)] * 5
    assert query(path, "SELECT count(*) FROM items") == [(5,)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    await writer.close()


async def test_rows_before_a_bad_one_of_the_same_statement_do_not_stay(
    writer: Writer, path: Path
) -> None:
    def add(*names: str) -> tuple[Row, ...]:
        return tuple((Statement.ITEM_ADD, (name, "{}")) for name in names)

    told = await outcomes(writer, [add("a"), add("b", "c", "b", "d"), add("e")])
    assert [each is type(None) for each in told] == [True, False, True]
    assert query(path, "SELECT item_id FROM items ORDER BY item_id") == [("a",), ("e",)]
    await writer.close()


async def test_callers_who_go_away_while_their_batch_is_written_change_nothing(
    writer: Writer, path: Path
) -> None:
    count = 2 * BATCH_ITEMS
    rows = [((Statement.ITEM_ADD, (f"i{n}", BIG[:500])),) for n in range(count)]
    waiting = [asyncio.ensure_future(writer.write(*each)) for each in rows]
    await asyncio.sleep(0)
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await asyncio.sleep(0)
        for caller in waiting[::2]:
            caller.cancel()
        with anyio.fail_after(20):
            told = await asyncio.gather(*waiting, return_exceptions=True)
        group.cancel_scope.cancel()
    assert told[1::2] == [None] * BATCH_ITEMS
    await writer.drain()
    assert query(path, "SELECT count(*) FROM items") == [(count,)]
    await writer.close()


@pytest.mark.parametrize("version", [-1, 0, 1, 2, 4, 1_000])
async def test_the_schema_refuses_every_version_but_the_next(
    version: int, writer: Writer, path: Path
) -> None:
    connection = await writer.connection()
    for n in (1, 2):
        await connection.execute(Statement.DOCUMENT_PUT.value, ("1", 1, n, "{}"))
    for statement, parameters in (
        (Statement.DOCUMENT_PUT.value, ("1", 1, version, '{"stale": true}')),
        (Statement.ERASE_DOCUMENT.value, ("1", 1, version, 5)),
        ("UPDATE user_documents SET version = ? WHERE user_id = '1'", (version,)),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="stale version"):
            await connection.execute(statement, parameters)
    await connection.execute(Statement.DOCUMENT_PUT.value, ("1", 1, 3, "{}"))
    await connection.commit()
    assert query(path, "SELECT version, document FROM user_documents") == [(3, "{}")]
    await writer.close()
