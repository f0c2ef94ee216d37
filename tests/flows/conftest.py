"""What the flows share: one event loop, Telegram in this process, and a connection to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.servers.valkey import valkey
from yabot.sandbox import Sandbox

__all__ = ["valkey"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(webhook_retry_delay=0.05) as sandbox:
        yield sandbox


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client
