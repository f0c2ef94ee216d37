"""What an error of SQLite means to the one who asked.

StoreUnavailable    the disk is full, broken, locked or gone, or was a moment ago: try again
StaleVersion        a trigger refused a document that does not follow on
AlreadyProcessed    a trigger or a unique key refused a second effect
CommitRefused       any other constraint said no
(as it is)          a parameter that SQLite can't take: a mistake in this program
"""

import sqlite3

from supervision import BreakerOpen
from yabot.errors import AlreadyProcessed, CommitRefused, StaleVersion, StoreUnavailable

RETRY_AFTER = 1.0
"""Seconds after which trying again makes sense."""


class CommitInDoubt(Exception):
    """COMMIT itself failed: the batch is durable or it is not, and only reading tells."""


class ConnectionInDoubt(Exception):
    """A rollback failed: nothing of the batch is durable, but the connection can't be trusted."""


def meaning(error: BaseException) -> BaseException:
    """The error to raise for what SQLite (or its thread) raised."""
    text = str(error)
    match error:
        case sqlite3.IntegrityError() if "stale version" in text:
            return StaleVersion("the user has changed since this was computed; load and repeat")
        case sqlite3.IntegrityError() if "already processed" in text:
            return AlreadyProcessed("this update has been processed before")
        case sqlite3.IntegrityError() if "processed_keys.key" in text:
            return AlreadyProcessed("this key has been processed before")
        case sqlite3.IntegrityError() | sqlite3.DataError():
            return CommitRefused(f"the database refused a row: {text}")
        case sqlite3.ProgrammingError() if "closed" not in text:
            return error
        case sqlite3.InterfaceError():
            return error
        case sqlite3.Error() | OSError() | ConnectionInDoubt():
            return StoreUnavailable(f"the database failed: {text}", retry_after=RETRY_AFTER)
        case BreakerOpen(retry_after=soon):
            return StoreUnavailable("the database failed a moment ago", retry_after=soon)
        case ValueError() if text in ("no active connection", "Connection closed"):
            return StoreUnavailable("the database is closed", retry_after=RETRY_AFTER)
        case _:
            return error


def is_outage(error: Exception) -> bool:
    """Whether the database itself failed; one that refuses a row is well."""
    return isinstance(error, CommitInDoubt) or isinstance(meaning(error), StoreUnavailable)
