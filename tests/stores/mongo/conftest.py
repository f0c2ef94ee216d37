"""The servers, the shared one and a test's own, each by both drivers."""

from collections.abc import AsyncIterator
from typing import get_args

import pytest

from tests.servers.secantus import fresh_database, mongo_server, mongo_uri
from tests.stores.mongo.copying import connection, quick, server
from yabot.stores.mongo.address import Driver
from yabot.stores.mongo.client import MongoDatabase

__all__ = ["connection", "mongo_server", "mongo_uri", "quick", "server"]


@pytest.fixture(params=get_args(Driver))
def driver(request: pytest.FixtureRequest) -> Driver:
    chosen: Driver = request.param
    return chosen


@pytest.fixture
async def database(mongo_uri: str, driver: Driver) -> AsyncIterator[MongoDatabase]:
    """An empty database on the shared server."""
    async with fresh_database(mongo_uri, driver) as fresh:
        yield fresh
