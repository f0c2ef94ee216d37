"""Opening and closing: one owner, one clear line when something is wrong."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Literal

import anyio
import pytest

from supervision import Health
from tests.stores.running import Clock, Trouble, limited, only, query, running
from tests.stores.turns import registration, take_turn
from tests.waiting import until
from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores import connections
from yabot.stores import database as opened
from yabot.stores.connections import Connector, connect
from yabot.stores.database import DatabaseManager
from yabot.stores.lock import FileLock

pytestmark = pytest.mark.anyio

HOLD = """
import asyncio, sys
from pathlib import Path
from yabot.stores.lock import FileLock
asyncio.run(FileLock(Path(sys.argv[1])).acquire())
print("held", flush=True)
sys.stdin.read()
"""


async def problem_of(path: Path, clock: Clock, connector: Connector = connect) -> str:
    """The one line that refuses this file."""
    database = DatabaseManager(path, clock=clock, connector=connector)
    with pytest.raises(ConfigError) as refused:
        await database.connect_all()
    await database.close()
    (problem,) = refused.value.problems
    assert problem.startswith("SQLITE_DATABASE_PATH: ")
    assert "\n" not in problem
    return problem


async def test_a_second_start_is_refused_with_the_owners_pid(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    assert f"in use by process {os.getpid()}" in await problem_of(path, clock)


async def test_a_refused_start_leaves_the_owner_alone(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    await problem_of(path, clock)
    await problem_of(path, clock)
    stored = await take_turn(db.users, "1", clock(), registration("1"))
    assert await db.users.load("1") == stored


async def test_a_start_that_takes_over_waits_for_the_owner_to_end(path: Path, clock: Clock) -> None:
    first = DatabaseManager(path, clock=clock)
    await first.connect_all()
    second = DatabaseManager(path, clock=clock)
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: second.connect_all(wait=15))
        await anyio.sleep(0.15)
        await first.close()
    assert second.start.clean
    await second.close()


async def test_a_killed_owner_frees_the_file(path: Path, clock: Clock) -> None:
    path.parent.mkdir()
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        assert f"process {owner.pid};" in await problem_of(path, clock)
        owner.send_signal(signal.SIGKILL)
    lock = FileLock(path)
    await lock.acquire()
    lock.release()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy bread and milk, " * 100)
    assert "is not a SQLite database" in await problem_of(path, clock)
    assert path.read_text().startswith("buy bread")


async def test_a_folder_that_is_a_file_is_refused(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "data").write_text("")
    assert "make the folder writable" in await problem_of(tmp_path / "data" / "yabot.db", clock)


async def test_a_folder_that_can_not_be_written_is_refused(tmp_path: Path, clock: Clock) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/self")
    else:
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    assert "make the folder writable" in await problem_of(folder / "yabot.db", clock)


async def test_a_file_that_another_program_has_locked_is_refused(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    async with running(path, clock):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        assert "is locked by another program" in await problem_of(path, clock)


async def test_a_disk_without_room_is_refused(path: Path, clock: Clock) -> None:
    database = DatabaseManager(path, clock=clock, connector=limited(lambda: 5))
    with pytest.raises(ConfigError, match="full"):
        await database.connect_all()
    await database.close()


def without_shared_memory(
    path: Path, isolation_level: Literal["IMMEDIATE"] | None
) -> sqlite3.Connection:
    """Opened as on a network disk, where connections can share no memory."""
    address = f"{path.absolute().as_uri()}?vfs=unix-none"
    return sqlite3.connect(address, uri=True, isolation_level=isolation_level)


async def test_a_disk_that_can_have_no_log_is_refused(path: Path, clock: Clock) -> None:
    assert await problem_of(path, clock, without_shared_memory) == (
        f"SQLITE_DATABASE_PATH: {path} can't have a write-ahead log (SQLite answers delete); "
        "put the database on a local disk"
    )


async def test_closing_says_whether_the_stop_was_clean(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        assert db.start.clean
        assert only(query(path, "SELECT clean_stop FROM meta")) == 0
    assert only(query(path, "SELECT clean_stop FROM meta")) == 1
    async with running(path, clock) as db:
        assert (db.start.starts, db.start.epoch) == (2, 1)


async def test_closing_twice_or_unopened_is_harmless(path: Path, clock: Clock) -> None:
    await DatabaseManager(path, clock=clock).close()
    assert not path.exists()  # noqa: ASYNC240
    database = DatabaseManager(path, clock=clock)
    await database.connect_all()
    await database.close()
    await database.close()


async def test_after_closing_every_store_refuses(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        pass
    with pytest.raises(StoreUnavailable):
        await take_turn(db.users, "1", clock(), registration("1"))
    with pytest.raises(StoreUnavailable):
        await db.events.publish("too_late", b"{}")


async def test_health_says_which_databases_answer(
    db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await db.health_check() == {"sqlite": True, "mongodb": None}

    async def away() -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(db, "ping", away)
    assert await db.health_check() == {"sqlite": False, "mongodb": None}


async def test_health_notices_a_disk_that_takes_no_writes_and_its_return(
    path: Path, clock: Clock
) -> None:
    trouble = Trouble()
    async with running(path, clock, connector=trouble.connect) as db:
        trouble.commit_fails = 2
        with pytest.raises(StoreUnavailable):
            await take_turn(db.users, "1", clock(), registration("1"))
        assert "disk I/O error" in db.condition().reason
        assert await db.health_check() == {"sqlite": False, "mongodb": None}
        assert await db.health_check() == {"sqlite": True, "mongodb": None}
        assert not db.writer.statistics().failing


async def test_health_notices_a_disk_that_hangs_and_reading_goes_on(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "STALLED", 0.05)
    trouble = Trouble()
    async with running(path, clock, connector=trouble.connect) as db:
        trouble.may_commit.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(take_turn, db.users, "1", clock(), registration("1"))
            await until(lambda: db.condition().health is Health.DEGRADED)
            assert "look at the disk" in db.condition().reason
            assert await db.health_check() == {"sqlite": False, "mongodb": None}
            assert (await db.users.load("1")).version == 0
            trouble.may_commit.set()
        assert db.condition().health is Health.OK
        assert await db.health_check() == {"sqlite": True, "mongodb": None}


async def test_the_connection_that_is_handed_out_only_reads(db: DatabaseManager) -> None:
    connection = await db.get_sqlite_conn()
    assert only(await connection.execute_fetchall("SELECT count(*) FROM user_profiles")) == 0
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await connection.execute("DELETE FROM meta")


async def test_mongodb_says_that_it_is_not_configured(db: DatabaseManager) -> None:
    with pytest.raises(ConfigError, match="MONGODB_URI"):
        db.get_mongo_db()
