"""Replacing the database of a stopped bot: by a backup, or by itself encrypted.

    make the new file beside it ─▶ give the old one a second name ─▶ rename the new one over it

The rename is the only step that changes which database there is, and it is atomic: a death at any
point leaves the old one or the new one. The rule: nothing of the old one is lost, and its log is
folded into it before, since a log that stayed behind would be read as the new one's.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TypeVar

import structlog

from yabot.domain.values import Instant
from yabot.errors import ConfigError
from yabot.stores.backup import Contents, check, copy_database, sync_folder
from yabot.stores.connections import Connector
from yabot.stores.encryption import KeyProblem, is_plain
from yabot.stores.moments import to_micros
from yabot.stores.opening import problem

FORGET_REPLIES = "DELETE FROM outbox_replies"
RESEND_DOCUMENTS = "UPDATE user_documents SET epoch = ?, applied_version = 0"
FORGET_NEWCOMER = """
    INSERT INTO user_documents (user_id, epoch, version, deleted_at) SELECT ?1, ?2, 1, ?3
    WHERE NOT EXISTS (SELECT 1 FROM user_documents WHERE user_id = ?1)"""
BEGIN_EPOCH = "UPDATE meta SET epoch = ?, starts = ?, clean_stop = 1"

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file while it is in use."""

MadeT = TypeVar("MadeT")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `aside` is where the replaced database is; None where there was none.

    `newcomers` are users of the replaced database whom the backup does not know.
    """

    contents: Contents
    epoch: int
    replies_dropped: int
    newcomers: int
    aside: Path | None


@dataclass(frozen=True, slots=True)
class _Counts:
    """How often a database was replaced, and started."""

    epoch: int
    starts: int


def restore(backup: Path, database: Path, connector: Connector, now: Instant) -> Restored:
    """Put a checked copy of `backup` in the place of `database`, whose lock the caller holds.

    The copy gets an epoch above both, forgets the replies that waited, and has every document sent
    to MongoDB again; who came after the backup gets a tombstone, so they go there too. Raises
    ConfigError when the backup can't be used or another program uses the database; OSError,
    sqlite3.Error. Then everything is as it was.
    """
    contents = _checked(backup, connector)
    if database.exists() and backup.samefile(database):
        raise ConfigError([f"{backup} is the database itself; name a backup"])
    old = _settle(database, connector)
    # Epochs go up by one, so the seconds since 1970 are above any that an unreadable file has had.
    before = old or _Counts(int(now.timestamp()) if database.exists() else 0, 0)
    epoch = max(before.epoch, contents.epoch) + 1
    starts = max(before.starts, contents.starts)

    def make(fresh: Path) -> tuple[int, int]:
        copy_database(backup, fresh, connector)
        with closing(connector(fresh, "IMMEDIATE")) as connection:
            dropped = connection.execute(FORGET_REPLIES).rowcount
            connection.execute(RESEND_DOCUMENTS, (epoch,))
            newcomers = 0
            if old is not None:
                with closing(connector(database, None)) as replaced:
                    newcomers = _forget_newcomers(connection, replaced, epoch, now)
            connection.execute(BEGIN_EPOCH, (epoch, starts))
            connection.commit()
        return dropped, newcomers

    (dropped, newcomers), aside = _replace(database, make, f"before-restore-{_stamp(now)}")
    return Restored(contents, epoch, dropped, newcomers, aside)


def encrypt(database: Path, key: str, connector: Connector, now: Instant) -> Path:
    """Encrypt the plain `database`, whose lock the caller holds, and return where the plain one is.

    `connector` opens files with `key`. Raises as `restore` does.
    """
    from yabot.stores import cipher

    if not database.exists():
        raise ConfigError([f"{database} will be encrypted from its first start on; just start"])
    if not is_plain(database):
        raise ConfigError([f"{database} is not a plain SQLite database; nothing was done"])

    def connect_plain(path: Path, _: object) -> sqlite3.Connection:
        return cipher.connect(path, None, None)

    if _settle(database, connect_plain) is None:
        raise ConfigError([f"{database} can't be read; restore a backup"])

    def make(fresh: Path) -> None:
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with closing(connect_plain(database, None)) as connection:
                connection.execute(f"ATTACH ? AS fresh KEY \"x'{key}'\"", (str(fresh),))
                connection.execute("SELECT sqlcipher_export('fresh')").fetchall()
            check(fresh, connector)
            os.fsync(file)
        finally:
            os.close(file)

    _, aside = _replace(database, make, f"before-encryption-{_stamp(now)}")
    assert aside is not None
    return aside


def _forget_newcomers(
    fresh: sqlite3.Connection, replaced: sqlite3.Connection, epoch: int, now: Instant
) -> int:
    """Give a tombstone to whoever only the replaced database knows, and count them.

    A server of copies has their documents, and a document gives way only to one that is newer.
    Where the replaced database is another one than the backup's, its users are not ours to forget.
    """
    identity = _identity(fresh)
    if identity is None or identity != _identity(replaced):
        return 0
    at = to_micros(now)
    rows = ((user_id, epoch, at) for user_id in _users(replaced))
    return fresh.executemany(FORGET_NEWCOMER, rows).rowcount


def _identity(connection: sqlite3.Connection) -> str | None:
    """Which database it is; None where that can't be read, or its schema is from before ids."""
    try:
        ((identity,),) = connection.execute("SELECT database_id FROM meta").fetchall()
    except sqlite3.DatabaseError:
        return None
    return str(identity)


def _users(replaced: sqlite3.Connection) -> Iterator[str]:
    """Everybody in a database that may be broken in the middle: as many as can be read."""
    try:
        for (user_id,) in replaced.execute("SELECT user_id FROM user_documents"):
            yield user_id
    except sqlite3.DatabaseError as error:
        log.warning("restore.users_unreadable", error=str(error))


def _checked(backup: Path, connector: Connector) -> Contents:
    try:
        return check(backup, connector)
    except KeyProblem:
        plain = is_plain(backup)
        told = "is not encrypted" if plain else "does not open with this SQLITE_KEY"
        raise ConfigError([f"{backup} {told}; set SQLITE_KEY as it was for this backup"]) from None
    except sqlite3.DatabaseError as error:
        raise ConfigError(
            [
                f"{backup} can't be read ({error}); name a backup, with SQLITE_KEY as it was when "
                "it was made"
            ]
        ) from None


def _settle(database: Path, connector: Connector) -> _Counts | None:
    """Fold the log of a database into its file, which proves that nobody else has it open.

    None where there is no database, or one that can't be read. Raises ConfigError.
    """
    if not database.exists():
        return None
    try:
        with closing(connector(database, None)) as connection:
            ((mode,),) = connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            if mode != "delete":
                raise sqlite3.OperationalError("database is locked")
            return _Counts(*connection.execute("SELECT epoch, starts FROM meta").fetchone())
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise problem(database, error) from error
        log.warning("restore.unreadable", path=str(database), error=str(error))
    except sqlite3.DatabaseError as error:
        log.warning("restore.unreadable", path=str(database), error=str(error))
    return None


def _replace(
    database: Path, make: Callable[[Path], MadeT], kept_as: str
) -> tuple[MadeT, Path | None]:
    """Put what `make` writes in the place of `database`; what `make` gave, and the old one."""
    fresh = database.with_name(f"{database.name}.new")
    aside = database.with_name(f"{database.name}.{kept_as}")
    database.parent.mkdir(parents=True, exist_ok=True)
    _remove(fresh)
    made = make(fresh)
    replaces = database.exists()
    if replaces:
        _own_alike(database, fresh)
        _forget_second_names(database)
        os.link(database, aside)
    for suffix in BESIDE:
        beside = Path(f"{database}{suffix}")
        if beside.exists():
            beside.rename(f"{aside}{suffix}")
    sync_folder(database.parent)
    fresh.replace(database)
    sync_folder(database.parent)
    return made, aside if replaces else None


def _remove(fresh: Path) -> None:
    """What a replacement that died has left."""
    for suffix in ("", *BESIDE):
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)


def _forget_second_names(database: Path) -> None:
    """A replacement that died before its rename has left the present database a second name."""
    for other in database.parent.glob(f"{database.name}.before-*"):
        if other.samefile(database):
            other.unlink()


def _own_alike(database: Path, fresh: Path) -> None:
    """The new file is whose the old one is, and as hidden; only root can give a file away."""
    shutil.copymode(database, fresh)
    if os.geteuid() == 0:
        owner = database.stat()
        os.chown(fresh, owner.st_uid, owner.st_gid)


def _stamp(now: Instant) -> str:
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
