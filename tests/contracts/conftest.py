"""Every test of this folder runs on each implementation of the ports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contracts.stores import Stores, in_encrypted, in_memory, in_sqlite
from tests.servers.secantus import mongo_server, mongo_uri
from tests.stores.running import Clock

__all__ = ["mongo_server", "mongo_uri"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite", "encrypted"])
async def stores(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[Stores]:
    if request.param == "memory":
        yield in_memory(clock)
    else:
        opened = in_sqlite if request.param == "sqlite" else in_encrypted
        async with opened(tmp_path / "yabot.db", clock) as stores:
            yield stores
