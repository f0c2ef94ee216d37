"""Backups: a copy of the whole database at one moment, made while the bot runs.

`VACUUM INTO` reads in one transaction, which holds nobody up, and writes neither free pages nor
what was deleted; an encrypted database gives an encrypted copy with the same key. The rule: a file
under its final name is complete, on the disk, and has been checked.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from yabot.errors import ConfigError
from yabot.stores.connections import Connector
from yabot.stores.migrations import APPLIED, check_applied, read_migrations

FAULTS_TOLD = 3
"""Of the faults that a check finds, so many are told."""

COUNTS = {
    "users": "SELECT count(*) FROM user_documents WHERE deleted_at IS NULL",
    "ledger entries": "SELECT count(*) FROM ledger",
    "updates waiting": "SELECT count(*) FROM inbox WHERE processed_at IS NULL",
    "replies waiting": "SELECT count(*) FROM outbox_replies",
    "commands waiting": "SELECT count(*) FROM outbox_commands",
    "events kept": "SELECT count(*) FROM outbox_events",
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a checked database holds. `size` is in bytes, `schema` the number of its migrations."""

    size: int
    schema: int
    epoch: int
    starts: int
    counts: dict[str, int]

    def line(self) -> str:
        """As an operator reads it."""
        counts = ", ".join(f"{count:,} {what}" for what, count in self.counts.items())
        return f"{self.size:,} bytes, schema {self.schema}, {counts}"


def back_up(database: Path, target: Path, connector: Connector) -> Contents:
    """Write a backup of `database`, which may be in use, to the new file `target`.

    Raises ConfigError when there is nothing to back up, `target` exists or the copy is not sound;
    OSError, sqlite3.Error. After an error there is no `target`.
    """
    if not database.exists():
        raise ConfigError([f"SQLITE_DATABASE_PATH: there is no {database} to back up"])
    if target.exists():
        raise ConfigError([f"{target} exists; name a new file"])
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        copy_database(database, partial, connector)
        contents = check(partial, connector)
        try:
            os.link(partial, target)
        except FileExistsError:
            raise ConfigError([f"{target} exists; name a new file"]) from None
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(target.parent)
    return contents


def copy_database(source: Path, target: Path, connector: Connector) -> None:
    """Copy a database to a new file that only its owner can read, and bring it to the disk.

    Raises OSError, sqlite3.Error.
    """
    file = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with closing(connector(source, None)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        os.fsync(file)
    finally:
        os.close(file)


def check(path: Path, connector: Connector) -> Contents:
    """Look at every page and row of a database and count what it holds.

    Raises ConfigError for one that is broken, newer than this program or not this bot's; OSError,
    sqlite3.Error.
    """
    if not path.is_file() or not path.stat().st_size:
        raise ConfigError([f"{path} is not a backup: there is no such file, or it is empty"])
    with closing(connector(path, None)) as connection:
        connection.execute("PRAGMA query_only = ON")
        faults = [str(told) for (told,) in connection.execute("PRAGMA integrity_check")]
        if faults != ["ok"]:
            raise _broken(path, faults)
        strays = connection.execute("PRAGMA foreign_key_check").fetchall()
        if strays:
            raise _broken(path, [f"a row of {table} refers to nothing" for table, *_ in strays])
        return _contents(path, connection)


def _contents(path: Path, connection: sqlite3.Connection) -> Contents:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    if not {("schema_version",), ("meta",)} <= set(tables):
        raise ConfigError([f"{path} is a database of something else; name a backup of this bot"])
    applied = connection.execute(APPLIED).fetchall()
    try:
        check_applied(applied, read_migrations())
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from None
    epoch, starts = connection.execute("SELECT epoch, starts FROM meta").fetchone()
    counts = {what: connection.execute(sql).fetchone()[0] for what, sql in COUNTS.items()}
    return Contents(path.stat().st_size, len(applied), epoch, starts, counts)


def _broken(path: Path, faults: list[str]) -> ConfigError:
    told = "; ".join(faults[:FAULTS_TOLD])
    return ConfigError([f"{path} is broken ({told}); use another backup"])


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
