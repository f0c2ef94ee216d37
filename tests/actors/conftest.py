"""Every test of the actor runtime runs on asyncio and on trio, with a clock that jumps."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actors import ActorSystem, DeadLetter
from actors.testing import virtual_clock


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    return virtual_clock(request.param)


@pytest.fixture
async def system(anyio_backend: tuple[str, dict[str, Any]]) -> AsyncIterator[ActorSystem]:
    async with ActorSystem("test") as running:
        yield running


@pytest.fixture
def letters(system: ActorSystem) -> list[DeadLetter]:
    """Every dead letter of the system."""
    found: list[DeadLetter] = []
    system.on_dead_letter(found.append)
    return found


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    """Crashes are what these tests are about: they need not fill the output."""
    logger = logging.getLogger("actors")
    before, logger.disabled = logger.disabled, True
    yield
    logger.disabled = before
