"""Encryption at rest: a key makes every connection an encrypted one, and no part of a store knows.

The key is raw, 256 bits as 64 hex digits: a passphrase would be stretched anew for every connection
and is weaker. The rule: a key and a file that do not belong together are told in one line.
"""

import sqlite3
from pathlib import Path
from typing import Literal

from yabot.errors import ConfigError
from yabot.stores.connections import Connector, connect

PLAIN_HEADER = b"SQLite format 3\x00"
"""How a file begins that is not encrypted."""


class KeyProblem(sqlite3.DatabaseError):
    """The key does not open the file; the text says what to do."""


def is_plain(path: Path) -> bool:
    """Whether the file is a SQLite database that is not encrypted. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(PLAIN_HEADER)) == PLAIN_HEADER


def choose_connector(key: str | None) -> Connector:
    """What opens files with this key; None opens plain ones.

    Raises ConfigError where a key is given and the extra `encryption` is not installed.
    """
    if key is None:
        return connect
    try:
        from yabot.stores import cipher
    except ImportError:
        raise ConfigError(
            [
                "SQLITE_KEY: encryption is not installed; run: pip install 'yabot[encryption]', "
                "or unset it"
            ]
        ) from None

    def connect_encrypted(
        path: Path, isolation_level: Literal["IMMEDIATE"] | None
    ) -> sqlite3.Connection:
        try:
            return cipher.connect(path, isolation_level, key)
        except sqlite3.DatabaseError as error:
            if "not a database" not in str(error):
                raise
            raise KeyProblem(_told(path)) from error

    return connect_encrypted


def try_key(path: Path, key: str) -> None:
    """Look whether `key` opens the file, without a lock and without making any file beside it.

    Raises KeyProblem, ConfigError, sqlite3.Error.
    """
    choose_connector(key)
    from yabot.stores import cipher

    try:
        cipher.connect(f"{path.absolute().as_uri()}?immutable=1", None, key, uri=True).close()
    except sqlite3.DatabaseError as error:
        raise KeyProblem(_told(path)) from error


def _told(path: Path) -> str:
    if is_plain(path):
        return (
            f"{path} is not encrypted; unset SQLITE_KEY, or encrypt the file with `yabot encrypt`"
        )
    return f"the key does not open {path}; set the key that it was encrypted with"
