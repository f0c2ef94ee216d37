"""A sandbox in memory, without the limits on repeated polls, and a client of it."""

from collections.abc import AsyncIterator

import pytest

from tests.sandbox.telegram import Clock, Telegram, open_telegram
from yabot.sandbox import Sandbox


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sandbox(clock: Clock) -> AsyncIterator[Sandbox]:
    running = Sandbox(clock=clock, throttle_repeated_offset=False, webhook_retry_delay=0.02)
    async with running:
        yield running


@pytest.fixture
async def telegram(sandbox: Sandbox) -> AsyncIterator[Telegram]:
    async with open_telegram(sandbox) as client:
        yield client
