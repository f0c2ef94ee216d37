"""What an error of SQLite means to the one who asked."""

import sqlite3

import pytest

from yabot.errors import AlreadyProcessed, CommitRefused, StaleVersion, StoreUnavailable
from yabot.stores.failures import ConnectionInDoubt, meaning


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (sqlite3.IntegrityError("stale version"), StaleVersion),
        (sqlite3.IntegrityError("already processed"), AlreadyProcessed),
        (
            sqlite3.IntegrityError("UNIQUE constraint failed: processed_keys.key"),
            AlreadyProcessed,
        ),
        (sqlite3.IntegrityError("CHECK constraint failed: balance >= 0"), CommitRefused),
        (sqlite3.DataError("string or blob too big"), CommitRefused),
        (sqlite3.OperationalError("database or disk is full"), StoreUnavailable),
        (sqlite3.OperationalError("database is locked"), StoreUnavailable),
        (sqlite3.OperationalError("disk I/O error"), StoreUnavailable),
        (sqlite3.DatabaseError("database disk image is malformed"), StoreUnavailable),
        (sqlite3.ProgrammingError("Cannot operate on a closed database."), StoreUnavailable),
        (ValueError("no active connection"), StoreUnavailable),
        (OSError("gone"), StoreUnavailable),
        (ConnectionInDoubt("disk I/O error"), StoreUnavailable),
    ],
    ids=str,
)
def test_an_error_of_the_database_has_a_meaning(error: Exception, means: type[Exception]) -> None:
    assert type(meaning(error)) is means


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.ProgrammingError("Error binding parameter 1: type 'object' is not supported"),
        sqlite3.InterfaceError("bad parameter"),
        OverflowError("Python int too large to convert to SQLite INTEGER"),
        ValueError("something else"),
    ],
    ids=str,
)
def test_a_mistake_of_this_program_stays_what_it_is(error: Exception) -> None:
    assert meaning(error) is error
