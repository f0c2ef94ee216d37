"""Backups are whole and checked; a backup that is not is refused before anything is touched."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.stores.running import Clock, only, running
from tests.stores.turns import earn, registration, take_turn
from tests.waiting import until
from yabot.errors import ConfigError
from yabot.stores.backup import back_up, check
from yabot.stores.connections import Connector, connect
from yabot.stores.encryption import choose_connector, is_plain

pytestmark = pytest.mark.anyio

KEY = "ab" * 32

LEDGERS_APART = """
    SELECT count(*) FROM wallets
    WHERE balance IS NOT coalesce(
        (SELECT sum(amount) FROM ledger WHERE ledger.user_id = wallets.user_id), 0)"""


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def connector(request: pytest.FixtureRequest) -> Connector:
    return choose_connector(request.param)


def read(path: Path, connector: Connector, sql: str) -> object:
    with closing(connector(path, None)) as connection:
        return only(connection.execute(sql))


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.is_file()]


async def test_a_backup_under_load_is_one_moment_and_holds_nobody_up(
    path: Path, clock: Clock, tmp_path: Path, connector: Connector
) -> None:
    target = tmp_path / "backup.db"
    turns = 0

    async with running(path, clock, connector=connector) as db:

        async def play(user_id: str) -> None:
            nonlocal turns
            await take_turn(db.users, user_id, clock(), registration(user_id))
            while True:
                await take_turn(db.users, user_id, clock(), earn(1))
                turns += 1

        async with anyio.create_task_group() as group:
            for number in range(1, 21):
                group.start_soon(play, str(number))
            await until(lambda: turns > 200)
            before = turns
            contents = await anyio.to_thread.run_sync(back_up, path, target, connector)
            during = turns - before
            await until(lambda: turns > before + during + 100)
            group.cancel_scope.cancel()
    assert during > 0
    assert contents.counts["users"] == 20
    assert before <= contents.counts["ledger entries"] <= before + during + 20
    assert contents.size == target.stat().st_size
    assert contents == check(target, connector)
    assert read(target, connector, LEDGERS_APART) == 0
    versions = read(target, connector, "SELECT sum(version) FROM user_documents")
    assert versions == contents.counts["ledger entries"] + 20
    assert is_plain(target) is (connector is connect)
    assert target.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["backup.db"]


async def test_a_backup_of_a_stopped_bot_is_the_same(
    path: Path, clock: Clock, tmp_path: Path, connector: Connector
) -> None:
    async with running(path, clock, connector=connector) as db:
        await take_turn(db.users, "1", clock(), registration("1"))
    contents = back_up(path, tmp_path / "backup.db", connector)
    assert contents.counts["users"] == 1
    assert contents.line().startswith(f"{contents.size:,} bytes, schema {contents.schema}, 1 users")


async def test_a_backup_never_takes_the_place_of_a_file(
    path: Path, clock: Clock, tmp_path: Path
) -> None:
    async with running(path, clock):
        pass
    target = tmp_path / "letter.txt"
    target.write_text("Dear Ana")
    with pytest.raises(ConfigError, match="exists; name a new file"):
        back_up(path, target, connect)
    assert target.read_text() == "Dear Ana"


async def test_a_file_that_appears_meanwhile_is_kept(
    path: Path, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(path, clock):
        pass
    target = tmp_path / "letter.txt"

    def check_slowly(partial: Path, connector: Connector) -> None:
        target.write_text("Dear Ana")

    monkeypatch.setattr("yabot.stores.backup.check", check_slowly)
    with pytest.raises(ConfigError, match="exists; name a new file"):
        back_up(path, target, connect)
    assert target.read_text() == "Dear Ana"
    assert names_in(tmp_path) == ["letter.txt"]


def test_there_is_nothing_to_back_up_before_the_first_start(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no"):
        back_up(path, tmp_path / "backup.db", connect)
    assert list(tmp_path.iterdir()) == []


async def test_a_disk_that_fills_up_leaves_no_backup(
    path: Path, clock: Clock, tmp_path: Path
) -> None:
    async with running(path, clock):
        pass
    with pytest.raises(FileNotFoundError):
        back_up(path, tmp_path / "no" / "such" / "folder.db", connect)

    def full(path: Path, isolation_level: object) -> sqlite3.Connection:
        class Full(sqlite3.Connection):
            def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
                if sql.startswith("VACUUM"):
                    raise sqlite3.OperationalError("database or disk is full")
                return super().execute(sql)

        return sqlite3.connect(path, factory=Full)

    with pytest.raises(sqlite3.OperationalError, match="full"):
        back_up(path, tmp_path / "backup.db", full)
    assert names_in(tmp_path) == []


def torn(backup: Path) -> None:
    """Half of a page in the middle is lost."""
    with backup.open("r+b") as file:
        file.seek(backup.stat().st_size // 8192 * 4096)
        file.write(b"\xff" * 2048)


def cut_short(backup: Path) -> None:
    with backup.open("r+b") as file:
        file.truncate(backup.stat().st_size // 8192 * 4096)


def emptied(backup: Path) -> None:
    backup.write_bytes(b"")


def no_database(backup: Path) -> None:
    backup.write_text("Dear diary, today I was taken for a backup. " * 100)


def of_something_else(backup: Path) -> None:
    backup.unlink()
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def changed(sql: str, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql)
        connection.commit()


UNSOUND: dict[str, tuple[Callable[[Path], None], str]] = {
    "torn": (torn, "is broken|can't be read|malformed"),
    "cut short": (cut_short, "is broken|can't be read|malformed"),
    "empty": (emptied, "there is no such file, or it is empty"),
    "no database": (no_database, "not a database"),
    "of something else": (of_something_else, "is a database of something else"),
    "newer": (
        partial(
            changed,
            "INSERT INTO schema_version (number, name, checksum, script)"
            " VALUES (99, '0099_later', '', '')",
        ),
        "newer than this program: it has 0099_later",
    ),
    "of another program": (
        partial(changed, "UPDATE schema_version SET checksum = 'another' WHERE number = 1"),
        "made by another 0001_initial",
    ),
    "stray rows": (
        partial(
            changed,
            "INSERT INTO subscriptions (user_id, plan_type, status, start_date)"
            " VALUES ('nobody', 'vip', 'active', 0)",
        ),
        "a row of subscriptions refers to nothing",
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
async def test_what_is_not_a_sound_backup_is_told(
    name: str, path: Path, clock: Clock, tmp_path: Path
) -> None:
    spoil, says = UNSOUND[name]
    async with running(path, clock) as db:
        for number in range(1, 31):
            await take_turn(db.users, str(number), clock(), registration(str(number)))
    backup = tmp_path / "backup.db"
    back_up(path, backup, connect)
    spoil(backup)
    with pytest.raises((ConfigError, sqlite3.DatabaseError), match=says):
        check(backup, connect)
