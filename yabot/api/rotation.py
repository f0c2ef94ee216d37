"""Changing the keys: `yabot keys init`, `rotate` and `list` work on the key folder alone.

The rule: the table is replaced in one step after every file that it names is there, and one command
at a time changes it; a running bot sees the old table or the new one.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from yabot.api.keyring import RETIREMENT, TABLE, KeyEntry, KeyTable, folder_of, read_table
from yabot.api.keys import SigningKey, load_or_create_key, new_key, write_key
from yabot.domain.values import Instant
from yabot.errors import ConfigError

PATIENCE = 10.0
"""Seconds to wait for another command."""


def init_keys(path: Path, now: Instant) -> KeyTable:
    """Make the folder, with the key at `path` as the active one and another one next.

    A folder that is there stays as it is. Raises ConfigError.
    """
    with _alone(path) as folder:
        if (folder / TABLE).exists():
            return read_table(path)
        return _init(path, folder, now)


def rotate_keys(path: Path, now: Instant) -> KeyTable:
    """Let the next key sign, retire the one that did, and make a new next one. Raises ConfigError.

    Keys that have been retiring for long enough are removed.
    """
    with _alone(path) as folder:
        table = read_table(path) if (folder / TABLE).exists() else _init(path, folder, now)
        kept = [key for key in table.of("retiring") if now < key.since + RETIREMENT]
        retiring = [key.model_copy(update={"state": "retiring", "since": now})
                    for key in table.of("active")]  # fmt: skip
        following = table.of("next") or (_made(folder, now),)
        active = following[0].model_copy(update={"state": "active", "since": now})
        rotated = KeyTable(keys=(_made(folder, now), active, *retiring, *kept))
        _write(folder, rotated)
        _remove_others(folder, rotated)
        return rotated


def list_keys(path: Path) -> KeyTable:
    """The keys as they are; a first key without a folder is active. Raises ConfigError."""
    if (folder_of(path) / TABLE).exists():
        return read_table(path)
    key = load_or_create_key(path, create=False)
    made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return KeyTable(keys=(KeyEntry(kid=key.kid, state="active", since=made),))


def _init(path: Path, folder: Path, now: Instant) -> KeyTable:
    first = load_or_create_key(path)
    active = KeyEntry(kid=_kept(folder, first), state="active", since=now)
    table = KeyTable(keys=(_made(folder, now), active))
    _write(folder, table)
    return table


def _made(folder: Path, now: Instant) -> KeyEntry:
    return KeyEntry(kid=_kept(folder, new_key()), state="next", since=now)


def _kept(folder: Path, key: SigningKey) -> str:
    write_key(folder / f"{key.kid}.pem", key)
    return key.kid


def _write(folder: Path, table: KeyTable) -> None:
    draft = folder / f".{TABLE}.{secrets.token_hex(8)}"
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(table.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / TABLE)
        _sync(folder)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_others(folder: Path, table: KeyTable) -> None:
    """A file that no table names is a key that is gone, or was left by a command that died."""
    kept = {f"{entry.kid}.pem" for entry in table.keys}
    for file in folder.glob("*.pem"):
        if file.name not in kept:
            file.unlink()


def _lock(descriptor: int, folder: Path) -> None:
    """Wait until no other command has the folder, for a while. Raises ConfigError."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > ends:
                raise ConfigError(
                    [f"JWT_PRIVATE_KEY_PATH: another command is changing {folder}; let it end"]
                ) from error
            time.sleep(0.02)
        else:
            return


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """The folder, which no other command changes meanwhile. Raises ConfigError."""
    folder = folder_of(path)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(descriptor, folder)
            yield folder
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(
            [f"JWT_PRIVATE_KEY_PATH: can't change {folder}: {error.strerror}; check its rights"]
        ) from error
