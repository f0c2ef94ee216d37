"""One event loop for all tests of this folder."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
