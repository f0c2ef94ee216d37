"""MigrationManager: forward, back, and what it refuses."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from tests.stores.running import query
from yabot.errors import ConfigError
from yabot.stores.connections import open_writing
from yabot.stores.migrations import Migration, MigrationManager, read_migrations

pytestmark = pytest.mark.anyio

ONE = Migration(1, "0001_one", "CREATE TABLE one (a TEXT); INSERT INTO one VALUES ('x;y');", None)
TWO = Migration(2, "0002_two", "CREATE TABLE two (a TEXT);", "DROP TABLE two;")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


@pytest.fixture
async def connection(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    opened = await open_writing(path)
    yield opened
    await opened.close()


def tables(path: Path) -> set[str]:
    return {name for (name,) in query(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")}


async def test_what_is_missing_is_applied_in_order(
    connection: aiosqlite.Connection, path: Path
) -> None:
    assert await MigrationManager(connection, [ONE]).migrate() == 1
    assert await MigrationManager(connection, [ONE, TWO]).migrate() == 2
    assert tables(path) >= {"one", "two"}
    assert await MigrationManager(connection, [ONE, TWO]).version() == 2
    assert await MigrationManager(connection, [ONE, TWO]).migrate() == 2
    assert query(path, "SELECT a FROM one") == [("x;y",)]


async def test_a_migration_that_fails_leaves_nothing(
    connection: aiosqlite.Connection, path: Path
) -> None:
    broken = Migration(2, "0002_broken", "CREATE TABLE half (a TEXT); CREATE NONSENSE;", None)
    manager = MigrationManager(connection, [ONE, broken])
    with pytest.raises(sqlite3.OperationalError):
        await manager.migrate()
    assert "half" not in tables(path)
    assert await manager.version() == 1


async def test_a_newer_database_is_refused(connection: aiosqlite.Connection) -> None:
    await MigrationManager(connection, [ONE, TWO]).migrate()
    with pytest.raises(ConfigError, match="newer than this program: it has 0002_two"):
        await MigrationManager(connection, [ONE]).migrate()


async def test_a_database_of_other_scripts_is_refused_with_the_difference(
    connection: aiosqlite.Connection,
) -> None:
    await MigrationManager(connection, [ONE]).migrate()
    other = Migration(1, "0001_one", "CREATE TABLE one (a TEXT, b TEXT);", None)
    with pytest.raises(ConfigError) as refused:
        await MigrationManager(connection, [other]).migrate()
    assert "+CREATE TABLE one (a TEXT, b TEXT);" in refused.value.problems[0]
    assert "-CREATE TABLE one (a TEXT);" in refused.value.problems[0]


async def test_the_last_migration_can_be_undone(
    connection: aiosqlite.Connection, path: Path
) -> None:
    manager = MigrationManager(connection, [ONE, TWO])
    await manager.migrate()
    assert await manager.rollback_to_previous_version() == 1
    assert "two" not in tables(path)
    assert await manager.migrate() == 2


async def test_what_can_not_be_undone_says_so(connection: aiosqlite.Connection) -> None:
    manager = MigrationManager(connection, [ONE])
    with pytest.raises(ConfigError, match="the database is empty"):
        await manager.rollback_to_previous_version()
    await manager.migrate()
    with pytest.raises(ConfigError, match="0001_one can't be undone"):
        await manager.rollback_to_previous_version()
    assert await manager.version() == 1


def test_migrations_are_read_by_number(tmp_path: Path) -> None:
    for name, script in (
        ("0002_two.sql", TWO.script),
        ("0002_two.down.sql", TWO.back),
        ("0001_one.sql", ONE.script),
    ):
        (tmp_path / name).write_text(script or "")
    assert list(read_migrations(tmp_path)) == [ONE, TWO]


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0002_two.sql").write_text(TWO.script)
    with pytest.raises(ValueError, match="expected 0001_"):
        read_migrations(tmp_path)


async def test_the_tables_of_profiles_and_plans_are_as_other_services_read_them(
    connection: aiosqlite.Connection, path: Path
) -> None:
    await MigrationManager(connection).migrate()
    profiles = query(
        path, 'SELECT name, type, "notnull", pk FROM pragma_table_info(?)', "user_profiles"
    )
    assert profiles == [
        ("user_id", "TEXT", 0, 1),
        ("telegram_user_id", "INTEGER", 1, 0),
        ("username", "TEXT", 0, 0),
        ("first_name", "TEXT", 0, 0),
        ("last_name", "TEXT", 0, 0),
        ("language_code", "TEXT", 0, 0),
        ("registration_date", "DATETIME", 0, 0),
        ("last_login", "DATETIME", 0, 0),
        ("is_active", "BOOLEAN", 0, 0),
    ]
    plans = query(path, "SELECT name, type FROM pragma_table_info(?)", "subscriptions")
    assert plans == [
        ("id", "INTEGER"),
        ("user_id", "TEXT"),
        ("plan_type", "TEXT"),
        ("status", "TEXT"),
        ("start_date", "DATETIME"),
        ("end_date", "DATETIME"),
        ("created_at", "DATETIME"),
        ("updated_at", "DATETIME"),
    ]
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await connection.execute(
            "INSERT INTO subscriptions (user_id, plan_type, status, start_date) "
            "VALUES ('nobody', 'free', 'active', '2026-01-01')"
        )


async def test_the_schema_keeps_its_own_promises(connection: aiosqlite.Connection) -> None:
    await MigrationManager(connection).migrate()
    await connection.executescript(
        """
        INSERT INTO ledger (user_id, amount, balance, reason, key, at)
        VALUES ('1', 5, 5, 'gift', 'k', 0);
        INSERT INTO inbox (bot_id, update_id, user_id, body, received_at)
        VALUES (7, 1, '1', '{}', 0);
        UPDATE inbox SET processed_at = 1, body = NULL;
        INSERT INTO user_documents (user_id, epoch, version, document) VALUES ('1', 1, 1, '{}');
        """
    )
    entry = "INSERT INTO ledger (user_id, amount, balance, reason, key, at) VALUES"
    for refused in (
        "UPDATE ledger SET amount = 6",
        "DELETE FROM ledger",
        "UPDATE wallets SET balance = 99",
        f"{entry} ('1', 1, 7, '', '', 0)",
        f"{entry} ('1', -6, -1, '', '', 0)",
        "UPDATE inbox SET processed_at = 2",
        "UPDATE user_documents SET version = 3",
        "UPDATE user_documents SET document = '[]'",
        "INSERT INTO user_documents (user_id, epoch, version, document) VALUES ('2', 1, 2, '{}')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            await connection.execute(refused)
        await connection.rollback()
