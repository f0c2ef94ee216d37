"""SQLCipher's driver with the errors of `sqlite3`, so that nothing else knows which one runs.

It is imported only where a key is set. The rule: an error of this driver never leaves this file.
"""

import sqlite3
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, cast

from sqlcipher3 import dbapi2

from yabot.stores.connections import BUSY_TIMEOUT

PAGE_SIZE = 4096
"""Bytes of a page of an encrypted file; a file opens only with the size that it was made with."""

Parameters = ParamSpec("Parameters")
ResultT = TypeVar("ResultT")


def _as_sqlite3(call: Callable[Parameters, ResultT]) -> Callable[Parameters, ResultT]:
    """`call`, raising the error of the same name that `sqlite3` has."""

    @wraps(call)
    def translated(*args: Parameters.args, **kwargs: Parameters.kwargs) -> ResultT:
        try:
            return call(*args, **kwargs)
        except (dbapi2.Error, dbapi2.Warning) as error:
            kind: type[Exception] = getattr(sqlite3, type(error).__name__)
            raise kind(*error.args) from error

    return translated


class Cursor(dbapi2.Cursor):  # type: ignore[misc]
    """A cursor; the statements of a connection run in one too."""

    execute = _as_sqlite3(dbapi2.Cursor.execute)
    executemany = _as_sqlite3(dbapi2.Cursor.executemany)
    executescript = _as_sqlite3(dbapi2.Cursor.executescript)
    fetchone = _as_sqlite3(dbapi2.Cursor.fetchone)
    fetchmany = _as_sqlite3(dbapi2.Cursor.fetchmany)
    fetchall = _as_sqlite3(dbapi2.Cursor.fetchall)
    __next__ = _as_sqlite3(dbapi2.Cursor.__next__)


class Connection(dbapi2.Connection):  # type: ignore[misc]
    """A connection to an encrypted file."""

    def cursor(self, *_: Any) -> Any:
        """The cursor of this file, whatever class was asked for."""
        return _as_sqlite3(super().cursor)(Cursor)

    execute = _as_sqlite3(dbapi2.Connection.execute)
    executemany = _as_sqlite3(dbapi2.Connection.executemany)
    executescript = _as_sqlite3(dbapi2.Connection.executescript)
    commit = _as_sqlite3(dbapi2.Connection.commit)
    rollback = _as_sqlite3(dbapi2.Connection.rollback)
    close = _as_sqlite3(dbapi2.Connection.close)


@_as_sqlite3
def connect(
    path: Path | str,
    isolation_level: Literal["IMMEDIATE"] | None,
    key: str | None,
    *,
    uri: bool = False,
) -> sqlite3.Connection:
    """Open a file by its raw `key`, 64 hex digits; None opens a plain file. Reads its first page.

    Raises sqlite3.Error; "file is not a database" stands for another key too.
    """
    opened = dbapi2.connect(
        str(path),
        timeout=BUSY_TIMEOUT,
        isolation_level=isolation_level,
        factory=Connection,
        uri=uri,
    )
    try:
        opened.execute("PRAGMA cipher_log_level = NONE")
        if key is not None:
            opened.execute(f"PRAGMA key = \"x'{key}'\"")
            opened.execute(f"PRAGMA cipher_page_size = {PAGE_SIZE}")
        opened.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        opened.close()
        raise
    return cast(sqlite3.Connection, opened)
