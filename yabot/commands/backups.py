"""The commands for the database file: backup, restore, encrypt, migrate.

The rule: whatever changes the file holds its lock, so it is refused while a bot runs.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import anyio

from yabot.config import ConfigManager, DatabaseConfig
from yabot.errors import ConfigError
from yabot.stores import backup, restore
from yabot.stores.connections import Connector, open_writing
from yabot.stores.encryption import choose_connector
from yabot.stores.lock import FileLock
from yabot.stores.migrations import MigrationManager, read_migrations
from yabot.stores.opening import problem


def back_up(config: ConfigManager, target: Path) -> str:
    """Write a backup, beside a running bot or without one. Raises ConfigError."""
    database = config.get_database_config()
    with _told(f"{target} was not written"):
        contents = backup.back_up(database.sqlite_path, target, connector_of(database))
    return f"{target}: {contents.line()}"


def restore_from(config: ConfigManager, source: Path) -> str:
    """Put a backup in the place of the database of a stopped bot. Raises ConfigError."""
    database = config.get_database_config()

    async def work() -> restore.Restored:
        async with locked(database):
            now = datetime.now(UTC)
            return restore.restore(source, database.sqlite_path, connector_of(database), now)

    with _told("nothing was restored"):
        done = anyio.run(work)
    newcomers = (
        f"\n{done.newcomers} users whom it does not know are forgotten" if done.newcomers else ""
    )
    kept = f"\nThe replaced database is {done.aside}" if done.aside else ""
    return (
        f"{database.sqlite_path} is as it was in {source}: {done.contents.line()}\n"
        f"{done.replies_dropped} replies that waited then were dropped; "
        f"epoch {done.epoch} begins{newcomers}{kept}"
    )


def encrypt(config: ConfigManager) -> str:
    """Encrypt the plain database of a stopped bot with SQLITE_KEY. Raises ConfigError."""
    database = config.get_database_config()
    key = database.sqlite_key
    if key is None:
        raise ConfigError(["SQLITE_KEY is not set; make a key with: openssl rand -hex 32"])

    async def work() -> Path:
        async with locked(database):
            connector, now = connector_of(database), datetime.now(UTC)
            return restore.encrypt(database.sqlite_path, key.get_secret_value(), connector, now)

    with _told("nothing was encrypted"):
        aside = anyio.run(work)
    return (
        f"{database.sqlite_path} is encrypted. Keep SQLITE_KEY safe: nothing opens it without.\n"
        f"The file as it was, not encrypted, is {aside}; remove it when the bot has started"
    )


def migrate(config: ConfigManager, *, back: bool) -> str:
    """Bring the database to the shape of this version, or undo one migration. Raises ConfigError.

    A start does the first by itself.
    """
    database = config.get_database_config()
    path = database.sqlite_path

    async def forward(manager: MigrationManager) -> str:
        before = await manager.version()
        after = await manager.migrate()
        names = ", ".join(migration.name for migration in read_migrations()[before:after])
        return f"{path} has schema {after}; applied: {names or 'nothing was missing'}"

    async def backward(manager: MigrationManager) -> str:
        return f"{path} has schema {await manager.rollback_to_previous_version()}"

    try:
        return anyio.run(_on_schema, database, backward if back else forward)
    except (OSError, sqlite3.Error) as error:
        raise problem(path, error) from error


async def _on_schema(
    database: DatabaseConfig, work: Callable[[MigrationManager], Awaitable[str]]
) -> str:
    async with locked(database):
        connection = await open_writing(database.sqlite_path, connector_of(database))
        try:
            return await work(MigrationManager(connection))
        finally:
            await connection.close()


@asynccontextmanager
async def locked(database: DatabaseConfig) -> AsyncIterator[None]:
    """Be the owner of the database. Raises ConfigError with the pid of another owner."""
    path = database.sqlite_path
    await anyio.Path(path.parent).mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    await lock.acquire()
    try:
        yield
    finally:
        lock.release()


def connector_of(database: DatabaseConfig) -> Connector:
    """How connections to it are made: with its key, if it has one."""
    key = database.sqlite_key
    return choose_connector(None if key is None else key.get_secret_value())


@contextmanager
def _told(outcome: str) -> Iterator[None]:
    """What the disk or SQLite says, as one line."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise ConfigError([f"{outcome}: {error}"]) from error
