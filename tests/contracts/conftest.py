"""Every test of this folder runs on each implementation of the ports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.stores import Stores, in_memory, in_sqlite
from tests.stores.running import Clock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield in_memory(clock)
    else:
        async with in_sqlite(tmp_path / "yabot.db", clock) as stores:
            yield stores
