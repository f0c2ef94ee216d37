"""A restore puts a checked backup in the place of the database: all of it, or nothing."""

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from tests.forks import Forked
from tests.stores.dying import restore_and_die
from tests.stores.running import Clock, only, running
from tests.stores.turns import earn, registration, take_turn
from yabot.errors import ConfigError
from yabot.stores import connections
from yabot.stores.backup import back_up, check
from yabot.stores.connections import Connector, connect
from yabot.stores.encryption import choose_connector, is_plain
from yabot.stores.restore import encrypt, restore
from yabot.users.ports import Call

pytestmark = pytest.mark.anyio

KEY = "ab" * 32
USERS = "SELECT user_id FROM user_documents WHERE deleted_at IS NULL"
PAGES_OF_USERS = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'user_documents' AND rootpage"


@pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
def connector(request: pytest.FixtureRequest) -> Connector:
    return choose_connector(request.param)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "backup.db"


async def live(path: Path, backup: Path, clock: Clock, connector: Connector = connect) -> None:
    """A life: user 1, a reply that waits, a backup, then user 2 and more besitos of user 1."""
    async with running(path, clock, connector=connector) as db:
        reply = Call(1, "chat:1", "sendMessage", b"{}")
        await take_turn(db.users, "1", clock(), registration("1"), earn(5), calls=(reply,))
        back_up(path, backup, connector)
        await take_turn(db.users, "1", clock(), earn(7))
        await take_turn(db.users, "2", clock(), registration("2"))


def state(path: Path, connector: Connector = connect) -> tuple[list[str], int, int]:
    """Who is there, what user 1 has, and the epoch."""
    with closing(connector(path, None)) as connection:
        assert only(connection.execute("PRAGMA integrity_check")) == "ok"
        users = [user for (user,) in connection.execute(USERS)]
        balance = only(connection.execute("SELECT balance FROM wallets WHERE user_id = '1'"))
        assert balance == only(connection.execute("SELECT sum(amount) FROM ledger"))
        return sorted(users), balance, only(connection.execute("SELECT epoch FROM meta"))


BEFORE = (["1"], 5)
AFTER = (["1", "2"], 12)


async def test_everything_is_as_at_the_backup_and_a_new_epoch_begins(
    path: Path, backup: Path, clock: Clock, connector: Connector
) -> None:
    await live(path, backup, clock, connector)
    done = restore(backup, path, connector, clock())
    assert state(path, connector) == (*BEFORE, 2)
    assert (done.epoch, done.replies_dropped, done.newcomers) == (2, 1, 1)
    assert done.aside is not None
    assert state(done.aside, connector) == (*AFTER, 1)

    async with running(path, clock, connector=connector) as db:
        assert db.start.clean
        assert (db.start.epoch, db.start.starts) == (2, 2)
        assert await db.replies.waiting() == 0
        rows = await db.reader.rows("SELECT user_id, epoch, applied_version FROM user_documents")
        assert rows == [("1", 2, 0), ("2", 2, 0)]
        await take_turn(db.users, "1", clock(), earn(1))
    clock.advance(seconds=1)
    assert restore(backup, path, connector, clock()).epoch == 3


async def test_the_new_file_is_as_hidden_as_the_old_one(
    path: Path, backup: Path, clock: Clock
) -> None:
    await live(path, backup, clock)
    path.chmod(0o640)  # noqa: ASYNC240
    restore(backup, path, connect, clock())
    assert path.stat().st_mode & 0o777 == 0o640  # noqa: ASYNC240
    assert {file.name for file in path.parent.iterdir()} == {
        "yabot.db",
        "yabot.db.lock",
        "yabot.db.before-restore-20261122T120000Z",
    }


async def test_a_backup_makes_a_database_on_a_new_machine(
    path: Path, backup: Path, clock: Clock, tmp_path: Path
) -> None:
    await live(path, backup, clock)
    elsewhere = tmp_path / "elsewhere" / "yabot.db"
    done = restore(backup, elsewhere, connect, clock())
    assert done.aside is None
    assert state(elsewhere) == (*BEFORE, 2)


async def test_a_database_that_can_not_be_read_is_replaced_and_kept(
    path: Path, backup: Path, clock: Clock
) -> None:
    await live(path, backup, clock)
    path.write_bytes(b"all of it is lost " * 1000)  # noqa: ASYNC240
    done = restore(backup, path, connect, clock())
    assert done.aside is not None
    assert done.aside.read_bytes() == b"all of it is lost " * 1000
    assert state(path) == (*BEFORE, int(clock().timestamp()) + 1)


async def test_a_database_that_is_broken_in_the_middle_is_replaced_and_kept(
    path: Path, backup: Path, clock: Clock
) -> None:
    await live(path, backup, clock)
    with closing(sqlite3.connect(path)) as shell:
        size = only(shell.execute("PRAGMA page_size"))
        pages = shell.execute(PAGES_OF_USERS).fetchall()
    with path.open("r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * size)
            file.write(b"lost" * (size // 4))
    done = restore(backup, path, connect, clock())
    assert (done.epoch, done.newcomers) == (2, 0)
    assert state(path) == (*BEFORE, 2)


async def test_the_log_of_a_disk_that_can_not_be_read_is_kept_with_its_database(
    path: Path, backup: Path, clock: Clock
) -> None:
    await live(path, backup, clock)
    log = path.with_name("yabot.db-wal")
    log.write_bytes(b"its log")

    def failing(opened: Path, isolation_level: Literal["IMMEDIATE"] | None) -> sqlite3.Connection:
        if opened == path:
            raise sqlite3.OperationalError("disk I/O error")
        return connect(opened, isolation_level)

    done = restore(backup, path, failing, clock())
    assert Path(f"{done.aside}-wal").read_bytes() == b"its log"  # noqa: ASYNC240
    assert not log.exists()
    assert state(path)[:2] == BEFORE


async def test_a_database_that_is_in_use_stays_as_it_is(
    path: Path, backup: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_TIMEOUT", 0.05)
    await live(path, backup, clock)
    with closing(sqlite3.connect(path)) as shell:
        shell.execute("SELECT count(*) FROM meta").fetchall()
        with pytest.raises(ConfigError, match="is locked by another program"):
            restore(backup, path, connect, clock())
    assert state(path) == (*AFTER, 1)


async def test_an_unsound_backup_touches_nothing(path: Path, backup: Path, clock: Clock) -> None:
    await live(path, backup, clock)
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    with backup.open("r+b") as file:
        file.truncate(8192)
    with pytest.raises(ConfigError, match=r"use another backup|name a backup"):
        restore(backup, path, connect, clock())
    with pytest.raises(ConfigError, match="no such file"):
        restore(path.parent, path, connect, clock())
    with pytest.raises(ConfigError, match="is the database itself"):
        restore(path, path, connect, clock())
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


async def test_a_backup_and_a_key_that_do_not_fit_are_told(
    path: Path, tmp_path: Path, clock: Clock
) -> None:
    plain, encrypted = tmp_path / "plain.db", tmp_path / "encrypted.db"
    await live(path, plain, clock)
    other = tmp_path / "other" / "yabot.db"
    await live(other, encrypted, clock, choose_connector(KEY))
    for backup, key, says in (
        (plain, KEY, "plain.db is not encrypted; set SQLITE_KEY as it was"),
        (encrypted, None, "encrypted.db can't be read"),
        (encrypted, "cd" * 32, "encrypted.db does not open with this SQLITE_KEY"),
    ):
        with pytest.raises(ConfigError, match=says):
            restore(backup, path, choose_connector(key), clock())
    assert state(path) == (*AFTER, 1)


async def test_a_death_at_any_point_leaves_the_old_database_or_the_new_one(
    path: Path, backup: Path, clock: Clock, tmp_path: Path
) -> None:
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    async with running(path, clock) as db:
        await take_turn(db.users, "1", clock(), registration("1"), earn(5))
        back_up(path, prepared / "backup.db", connect)
        await take_turn(db.users, "1", clock(), earn(7))
        await take_turn(db.users, "2", clock(), registration("2"))
        for file in path.parent.glob("yabot.db*"):
            shutil.copy(file, prepared)
    assert (prepared / "yabot.db-wal").stat().st_size > 0

    ends = []
    for touch in range(1, 100):
        folder = tmp_path / f"dies-at-{touch}"
        shutil.copytree(prepared, folder)
        code = die_at(touch, folder)
        users, balance, epoch = state(folder / "yabot.db")
        ends.append((code, epoch))
        assert (users, balance) == (BEFORE if epoch == 2 else AFTER)
        again = restore(folder / "backup.db", folder / "yabot.db", connect, clock())
        assert state(folder / "yabot.db") == (*BEFORE, epoch + 1)
        assert not list(folder.glob("*.new*"))
        assert again.aside is not None
        shutil.rmtree(folder)
        if code == 0:
            break
    codes = [code for code, _ in ends]
    assert codes == [-signal.SIGKILL] * (len(ends) - 1) + [0]
    epochs = [epoch for _, epoch in ends]
    assert epochs == sorted(epochs)
    assert set(epochs[:-1]) == {1, 2}


def die_at(touch: int, folder: Path) -> int:
    """Restore in a process that dies at that touch of the folder; its exit code."""
    env = {"FOLDER": str(folder), "DIE_AT": str(touch), "PATH": os.environ["PATH"]}
    output = (folder.with_suffix(".out"), folder.with_suffix(".errors"))
    return Forked(restore_and_die, ["restore"], cwd=folder, env=env, output=output).wait()


async def test_a_plain_database_is_encrypted_as_a_whole(
    path: Path, backup: Path, clock: Clock
) -> None:
    await live(path, backup, clock)
    connector = choose_connector(KEY)
    counts = check(path, connect).counts
    aside = encrypt(path, KEY, connector, clock())
    assert not is_plain(path)
    assert is_plain(aside)
    assert check(path, connector).counts == counts
    assert state(path, connector) == (*AFTER, 1)
    async with running(path, clock, connector=connector) as db:
        await take_turn(db.users, "2", clock(), earn(1))
        assert await db.replies.waiting() == 1
    with pytest.raises(ConfigError, match="is not a plain SQLite database"):
        encrypt(path, KEY, connector, clock())


def test_what_is_not_there_is_encrypted_from_its_first_start(path: Path, clock: Clock) -> None:
    with pytest.raises(ConfigError, match="just start"):
        encrypt(path, KEY, choose_connector(KEY), clock())
