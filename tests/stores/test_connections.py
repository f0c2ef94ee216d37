"""What both connections ask of SQLite is so, read back from SQLite itself."""

from collections.abc import Mapping
from pathlib import Path

import aiosqlite
import pytest

from tests.stores.running import only
from yabot.stores.connections import Connector, open_reading, open_writing
from yabot.stores.encryption import choose_connector

pytestmark = pytest.mark.anyio

FULL = 2
"""How SQLite tells `synchronous=FULL`."""


@pytest.fixture(params=[None, "ab" * 32], ids=["plain", "encrypted"])
def connector(request: pytest.FixtureRequest) -> Connector:
    return choose_connector(request.param)


async def told(connection: aiosqlite.Connection, *settings: str) -> Mapping[str, object]:
    """What SQLite says of these settings of a connection, which ends here."""
    try:
        read = connection.execute_fetchall
        return {setting: only(await read(f"PRAGMA {setting}")) for setting in settings}
    finally:
        await connection.close()


async def test_what_is_committed_is_on_the_disk_and_a_reader_changes_nothing(
    tmp_path: Path, connector: Connector
) -> None:
    path = tmp_path / "yabot.db"
    writing = await open_writing(path, connector)
    assert await told(writing, "journal_mode", "synchronous", "foreign_keys", "query_only") == {
        "journal_mode": "wal",
        "synchronous": FULL,
        "foreign_keys": 1,
        "query_only": 0,
    }
    reading = await open_reading(path, connector)
    assert await told(reading, "journal_mode", "query_only") == {
        "journal_mode": "wal",
        "query_only": 1,
    }
