"""A bus over a real database, and the actors that serve its groups."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actors import ActorRef, ActorSystem
from tests.servers.valkey import valkey
from tests.stores.running import Clock, running
from yabot.events.bus import EventBus
from yabot.stores.database import DatabaseManager

__all__ = ["valkey"]

Serve = Callable[[str], ActorRef[object]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yabot.db"


@pytest.fixture
async def db(path: Path, clock: Clock) -> AsyncIterator[DatabaseManager]:
    async with running(path, clock) as database:
        yield database


@pytest.fixture
def bus(db: DatabaseManager) -> EventBus:
    return EventBus(db.events)


@pytest.fixture
async def serve(bus: EventBus) -> AsyncIterator[Serve]:
    """Starts the relay of a group."""
    async with ActorSystem() as system:
        yield lambda group: system.spawn(lambda: bus.relay(group), name=group)
