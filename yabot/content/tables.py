"""Reads one TOML file; what keeps it from being read is one line for its writer."""

import tomllib
from pathlib import Path


class Unreadable(ValueError):
    """A file is no TOML, no UTF-8, or can't be read at all."""


def read_tables(file: Path, name: str) -> dict[str, object]:
    """The tables of a file that its writer knows as `name`. Raises Unreadable."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Unreadable(f"{name}: not valid TOML: {error}; correct that line") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        told = f"{name}: can't be read ({error.strerror}); check its permissions"
        raise Unreadable(told) from error
