"""One process owns a database file.

The lock is the kernel's, on `<file>.lock`, so it is gone with its process, however that ends. The
owner's pid stands in the file for whoever is refused.
"""

import fcntl
import os
import time
from pathlib import Path

import anyio

from yabot.errors import ConfigError

POLL = 0.1
"""Seconds between two attempts of a start that waits to take over."""


class FileLock:
    """The lock of one database file."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(f"{database.name}.lock")
        self._file: int | None = None

    async def acquire(self, *, wait: float = 0.0) -> None:
        """Become the owner, waiting at most `wait` seconds for the present one to end.

        Raises ConfigError with the owner's pid, and OSError when the file can't be written.
        """
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + wait
            while not _try_lock(file):
                if time.monotonic() >= deadline:
                    raise ConfigError([self._refusal(file)])
                await anyio.sleep(POLL)
            os.ftruncate(file, 0)
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def release(self) -> None:
        """Give the lock up, if it is held. The file stays: removing it would split the lock."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None

    def _refusal(self, file: int) -> str:
        owner = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
        return (
            f"SQLITE_DATABASE_PATH: {self._database} is in use by process {owner}; "
            "stop it, start with --takeover to wait for its end, or choose another file"
        )


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
