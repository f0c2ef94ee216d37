"""An encrypted database is a database; a key and a file that don't fit are told in one line."""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.stores.running import Clock, query, running
from tests.stores.turns import registration, take_turn
from yabot.errors import AlreadyProcessed, CommitRefused, ConfigError, StoreUnavailable
from yabot.stores import cipher
from yabot.stores.connections import connect
from yabot.stores.database import DatabaseManager
from yabot.stores.encryption import KeyProblem, choose_connector, is_plain
from yabot.stores.failures import meaning
from yabot.stores.inspect import inspect_database
from yabot.stores.statements import Statement

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef" * 4
OTHER = "f" * 64


@pytest.fixture
async def encrypted(path: Path, clock: Clock) -> Path:
    """A file with a user in it."""
    async with running(path, clock, connector=choose_connector(KEY)) as db:
        await take_turn(db.users, "1", clock(), registration("1"))
    return path


async def test_nothing_of_it_can_be_read_without_the_key(
    path: Path, clock: Clock, tmp_path: Path
) -> None:
    secret = b"nobody shall read this"
    async with running(path, clock, connector=choose_connector(KEY)) as db:
        await db.events.publish("something", b'{"text": "%s"}' % secret)
        for file in path.parent.iterdir():
            assert secret not in file.read_bytes()
            assert b"CREATE TABLE" not in file.read_bytes()
    assert not is_plain(path)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        query(path, "SELECT * FROM meta")


async def test_it_opens_again_with_its_key(encrypted: Path, clock: Clock) -> None:
    async with running(encrypted, clock, connector=choose_connector(KEY)) as db:
        assert db.start.clean
        assert (await db.users.load("1")).user is not None


async def problem_of(path: Path, key: str | None, clock: Clock) -> str:
    database = DatabaseManager(path, clock=clock, connector=choose_connector(key))
    with pytest.raises(ConfigError) as refused:
        await database.connect_all()
    await database.close()
    (problem,) = refused.value.problems
    assert "\n" not in problem
    return problem


async def test_another_key_is_one_line(encrypted: Path, clock: Clock) -> None:
    before = encrypted.read_bytes()  # noqa: ASYNC240
    problem = await problem_of(encrypted, OTHER, clock)
    assert problem == (
        f"SQLITE_KEY: the key does not open {encrypted}; set the key that it was encrypted with"
    )
    assert encrypted.read_bytes() == before  # noqa: ASYNC240


async def test_a_key_for_a_plain_file_is_one_line(path: Path, clock: Clock) -> None:
    async with running(path, clock):
        pass
    problem = await problem_of(path, KEY, clock)
    assert problem.startswith(f"SQLITE_KEY: {path} is not encrypted; unset SQLITE_KEY, or")
    async with running(path, clock) as db:
        assert db.start.clean


async def test_no_key_for_an_encrypted_file_is_one_line(encrypted: Path, clock: Clock) -> None:
    problem = await problem_of(encrypted, None, clock)
    assert problem.endswith("or is encrypted; set SQLITE_KEY to its key, or choose another file")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "yabot.stores.cipher", raising=False)
    monkeypatch.delattr("yabot.stores.cipher", raising=False)
    monkeypatch.setitem(sys.modules, "sqlcipher3", None)
    with pytest.raises(ConfigError, match=r"pip install 'yabot\[encryption\]'"):
        choose_connector(KEY)
    assert choose_connector(None) is connect


def closed(db: sqlite3.Connection) -> sqlite3.Connection:
    db.close()
    return db


FAILING: dict[str, tuple[Callable[[sqlite3.Connection], object], type[Exception]]] = {
    "unique": (
        lambda db: db.executemany("INSERT INTO t VALUES (?, 1)", [(1,), (1,)]),
        sqlite3.IntegrityError,
    ),
    "check": (lambda db: db.execute("INSERT INTO t VALUES (2, -1)"), sqlite3.IntegrityError),
    "unknown table": (lambda db: db.execute("SELECT * FROM u"), sqlite3.OperationalError),
    "script": (lambda db: db.executescript("INSERT INTO u VALUES (1)"), sqlite3.OperationalError),
    "fetch": (
        lambda db: db.execute("SELECT abs(-9223372036854775808)").fetchall(),
        sqlite3.OperationalError,
    ),
    "iterate": (
        lambda db: list(db.execute("SELECT abs(-9223372036854775808)")),
        sqlite3.OperationalError,
    ),
    "read only": (
        lambda db: [db.execute("PRAGMA query_only = ON"), db.execute("DELETE FROM t")],
        sqlite3.OperationalError,
    ),
    "closed": (lambda db: closed(db).execute("SELECT 1"), sqlite3.ProgrammingError),
    "commit closed": (lambda db: closed(db).commit(), sqlite3.ProgrammingError),
}


@pytest.mark.parametrize("name", FAILING)
def test_its_errors_are_those_of_sqlite3(name: str, tmp_path: Path) -> None:
    fails, kind = FAILING[name]
    with closing(cipher.connect(tmp_path / "t.db", None, KEY)) as db:
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER CHECK (b > 0)) STRICT")
        with pytest.raises(kind) as raised:
            fails(db)
    assert type(raised.value) is kind
    assert type(meaning(raised.value)) in (CommitRefused, StoreUnavailable)


async def test_the_writer_tells_a_second_effect_from_a_refused_row(
    path: Path, clock: Clock
) -> None:
    async with running(path, clock, connector=choose_connector(KEY)) as db:
        key = Statement.KEY_ADD, ("k", "1", "", "{}", 0)
        await db.writer.write(key)
        with pytest.raises(AlreadyProcessed):
            await db.writer.write(key)
        with pytest.raises(CommitRefused):
            await db.writer.write((Statement.ITEM_ADD, (None, None)))
        assert not db.writer.statistics().failing


async def test_the_doctor_says_whether_a_file_is_encrypted(
    encrypted: Path, tmp_path: Path, clock: Clock
) -> None:
    beside = sorted(encrypted.parent.iterdir())
    assert inspect_database(encrypted, KEY).endswith(", encrypted")
    assert sorted(encrypted.parent.iterdir()) == beside
    with pytest.raises(ConfigError, match="does not open"):
        inspect_database(encrypted, OTHER)
    with pytest.raises(ConfigError, match="set SQLITE_KEY to its key"):
        inspect_database(encrypted, None)
    new = tmp_path / "new.db"
    assert inspect_database(new, KEY).endswith("at the first start, encrypted")
    async with running(new, clock):
        pass
    assert inspect_database(new, None).endswith(", not encrypted")
    with pytest.raises(ConfigError, match="is not encrypted; unset SQLITE_KEY"):
        inspect_database(new, KEY)


def test_a_key_problem_is_a_database_that_can_not_be_used() -> None:
    assert isinstance(meaning(KeyProblem("another key")), StoreUnavailable)
