"""MigrationManager: numbered scripts that bring a database to the shape that this code expects.

`schema/NNNN_name.sql` goes forward; `schema/NNNN_name.down.sql`, where there is one, goes back.
Each is one transaction, together with its row in `schema_version`, which keeps the script as it was
applied. A database that is newer than the code, or was made by other scripts, is refused.
"""

import hashlib
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

import aiosqlite
import structlog

from yabot.errors import ConfigError

SCHEMA = Path(__file__).parent / "schema"
NAME = re.compile(r"(\d{4})_[a-z0-9_]+")

VERSIONS = """
    CREATE TABLE IF NOT EXISTS schema_version (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        checksum TEXT NOT NULL,
        script TEXT NOT NULL,
        applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
    ) STRICT"""
APPLIED = "SELECT number, name, checksum, script FROM schema_version ORDER BY number"

Applied = tuple[int, str, str, str]
"""A row of APPLIED: the number of a migration, its name, its checksum and its script."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Migration:
    """One script. `back` undoes it; None when nothing can."""

    number: int
    name: str
    script: str
    back: str | None

    @property
    def checksum(self) -> str:
        """What tells whether a database was made by this very script."""
        return hashlib.sha256(self.script.encode()).hexdigest()


def read_migrations(folder: Path = SCHEMA) -> Sequence[Migration]:
    """All migrations of a folder, by number; they are numbered 1, 2, 3 without a gap."""
    found: list[Migration] = []
    for path in sorted(folder.glob("*.sql")):
        if path.name.endswith(".down.sql"):
            continue
        matched = NAME.fullmatch(path.stem)
        if matched is None or int(matched[1]) != len(found) + 1:
            raise ValueError(f"{path.name}: expected {len(found) + 1:04d}_<name>.sql")
        down = path.with_suffix(".down.sql")
        back = down.read_text("utf-8") if down.exists() else None
        found.append(Migration(len(found) + 1, path.stem, path.read_text("utf-8"), back))
    return found


class MigrationManager:
    """Migrates the database behind one writing connection."""

    def __init__(
        self, connection: aiosqlite.Connection, migrations: Sequence[Migration] | None = None
    ) -> None:
        self._connection = connection
        self._migrations = migrations if migrations is not None else read_migrations()

    async def version(self) -> int:
        """The number of the last applied migration; 0 for an empty database."""
        return len(await self._applied())

    async def migrate(self) -> int:
        """Apply what is missing and return the version.

        Raises ConfigError when the database is newer or was made by other scripts, sqlite3.Error
        when a script fails; then the database is as it was before that script.
        """
        applied = await self._applied()
        check_applied(applied, self._migrations)
        for migration in self._migrations[len(applied) :]:
            await self._apply(migration)
        return len(self._migrations)

    async def rollback_to_previous_version(self) -> int:
        """Undo the last migration and return the version that is left. The bot must be stopped.

        Raises ConfigError when there is nothing to undo, or no script that could.
        """
        applied = await self._applied()
        check_applied(applied, self._migrations)
        if not applied:
            raise ConfigError(["migrate: the database is empty, so nothing can be rolled back"])
        last = self._migrations[len(applied) - 1]
        if last.back is None:
            raise ConfigError(
                [f"migrate: {last.name} can't be undone; restore the backup made before it"]
            )
        forget = f"DELETE FROM schema_version WHERE number = {last.number};"  # noqa: S608
        await self._run(last.back, forget)
        log.info("migration.undone", name=last.name)
        return last.number - 1

    async def _applied(self) -> list[Applied]:
        await self._connection.execute(VERSIONS)
        rows = await self._connection.execute_fetchall(APPLIED)
        return [(number, name, checksum, script) for number, name, checksum, script in rows]

    async def _apply(self, migration: Migration) -> None:
        values = (migration.name, migration.checksum, migration.script)
        quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
        await self._run(
            migration.script,
            "INSERT INTO schema_version (number, name, checksum, script) "  # noqa: S608
            f"VALUES ({migration.number}, {quoted});",
        )
        log.info("migration.applied", name=migration.name)

    async def _run(self, script: str, record: str) -> None:
        """Run a script and its record as one transaction."""
        try:
            await self._connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n{record}\nCOMMIT;")
        except sqlite3.Error:
            await self._connection.rollback()
            raise


def check_applied(applied: Sequence[Applied], migrations: Sequence[Migration]) -> None:
    """Raise ConfigError for a database that is newer than `migrations` or was made by others."""
    if len(applied) > len(migrations):
        newer = ", ".join(name for _, name, *_ in applied[len(migrations) :])
        raise ConfigError(
            [
                f"the database is newer than this program: it has {newer}; "
                "start the version that made it, or roll it back with that version"
            ]
        )
    for ours, (_, name, checksum, script) in zip(migrations, applied, strict=False):
        if ours.checksum != checksum:
            raise ConfigError(
                [
                    f"the database was made by another {name}; use the version that made it. "
                    f"The difference:\n{_difference(name, script, ours)}"
                ]
            )


def _difference(name: str, applied: str, ours: Migration) -> str:
    lines = unified_diff(
        applied.splitlines(),
        ours.script.splitlines(),
        f"{name} in the database",
        f"{ours.name} in this program",
        lineterm="",
    )
    return "\n".join(lines)
