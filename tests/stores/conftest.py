"""A database in a fresh folder, with its writer running as an actor."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.running import Clock, running
from yabot.stores.database import DatabaseManager


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "yabot.db"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def db(path: Path, clock: Clock) -> AsyncIterator[DatabaseManager]:
    async with running(path, clock) as database:
        yield database
