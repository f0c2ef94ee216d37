"""Opening a database at start: its lock, its shape, and what it says about the last stop.

The rule: whatever is wrong with the file is said in one line, with what to do about it.
"""

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from yabot.errors import ConfigError
from yabot.stores.connections import LogRefused
from yabot.stores.encryption import KeyProblem

START = "UPDATE meta SET starts = starts + 1, clean_stop = 0, owner = ?"
READ = "SELECT epoch, starts, clean_stop FROM meta"
STOP = "UPDATE meta SET clean_stop = 1"

# An update, or a subscriber of an event, may have ended the process; a second such stop makes it a
# suspect, which is run alone.
STAMP = "UPDATE inbox SET attempts = attempts + 1 WHERE processed_at IS NULL AND attempts < 2"
STAMP_RELAYS = "UPDATE relays SET attempts = attempts + 1 WHERE attempts < 2"
ABSOLVE_RELAYS = "UPDATE relays SET attempts = 0"


@dataclass(frozen=True, slots=True)
class Start:
    """What the database says at a start. `starts` counts it; `clean` is about the last stop."""

    epoch: int
    starts: int
    clean: bool


async def note_start(connection: aiosqlite.Connection) -> Start:
    """Count the start; after an unclean stop all that waits to be handled gets one more attempt."""
    epoch, starts, clean = next(iter(await connection.execute_fetchall(READ)))
    await connection.execute(START, (f"pid {os.getpid()}",))
    if not clean:
        await connection.execute(STAMP)
        await connection.execute(STAMP_RELAYS)
    await connection.commit()
    return Start(epoch, starts + 1, bool(clean))


async def note_stop(connection: aiosqlite.Connection) -> None:
    """Note that nothing was left half done."""
    await connection.execute(STOP)
    await connection.execute(ABSOLVE_RELAYS)
    await connection.commit()


def problem(path: Path, error: OSError | sqlite3.Error) -> ConfigError:
    """What is wrong with the file, for the operator."""
    text = str(error)
    match error:
        case OSError():
            told = f"can't write in {path.parent} ({error.strerror}); make the folder writable"
        case LogRefused():
            told = f"{path} {text}"
        case sqlite3.OperationalError() if "locked" in text or "busy" in text:
            told = f"{path} is locked by another program; close it and start again"
        case sqlite3.OperationalError() if "readonly" in text or "unable to open" in text:
            told = f"can't write {path} ({text}); make the file and its folder writable"
        case KeyProblem():
            return ConfigError([f"SQLITE_KEY: {text}"])
        case sqlite3.DatabaseError() if "not a database" in text:
            told = (
                f"{path} is not a SQLite database, or is encrypted; "
                "set SQLITE_KEY to its key, or choose another file"
            )
        case _:
            told = f"can't use {path} ({text}); restore a backup or choose another file"
    return ConfigError([f"SQLITE_DATABASE_PATH: {told}"])
