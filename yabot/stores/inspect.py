"""Looking at a database file without opening it, for `yabot doctor`."""

from pathlib import Path

from yabot.errors import ConfigError

HEADER = b"SQLite format 3\x00"


def inspect_database(path: Path) -> str:
    """What the file is. Raises ConfigError for one that can't be used, OSError for no access."""
    if not path.exists():
        return f"{path} will be made at the first start"
    if path.is_dir():
        raise ConfigError([f"SQLITE_DATABASE_PATH: {path} is a folder; name a file"])
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(len(HEADER))
    if size and header != HEADER:
        raise ConfigError(
            [f"SQLITE_DATABASE_PATH: {path} is not a SQLite database, or is encrypted"]
        )
    return f"{path}, {size // 1024} KiB"
