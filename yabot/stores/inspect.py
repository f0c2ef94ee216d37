"""Looking at a database file without opening it for use, for `yabot doctor`."""

from pathlib import Path

from yabot.errors import ConfigError
from yabot.stores.encryption import KeyProblem, is_plain, try_key


def inspect_database(path: Path, key: str | None) -> str:
    """What the file is, and whether it is encrypted.

    Raises ConfigError for one that can't be used with this key, OSError for no access.
    """
    encrypted = "not encrypted" if key is None else "encrypted"
    if not path.exists():
        return f"{path} will be made at the first start, {encrypted}"
    if path.is_dir():
        raise ConfigError([f"SQLITE_DATABASE_PATH: {path} is a folder; name a file"])
    size = path.stat().st_size
    if key is not None:
        try:
            try_key(path, key)
        except KeyProblem as error:
            raise ConfigError([f"SQLITE_KEY: {error}"]) from error
    elif size and not is_plain(path):
        raise ConfigError(
            [
                f"SQLITE_DATABASE_PATH: {path} is not a SQLite database, or is encrypted; "
                "set SQLITE_KEY to its key, or choose another file"
            ]
        )
    return f"{path}, {size // 1024} KiB, {encrypted}"
