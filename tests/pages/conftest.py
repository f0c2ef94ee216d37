"""These tests need Playwright and a Chromium, so `make test` leaves their folder out."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
