"""One event loop, and users who live."""

from collections.abc import AsyncIterator

import pytest

from tests.services.living import Living, living


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def bot() -> AsyncIterator[Living]:
    async with living() as it:
        yield it
