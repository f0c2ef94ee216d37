"""A bus over a real database, and the actors that serve its groups."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from actors import ActorRef, ActorSystem
from tests.events.consumers import Streams
from tests.servers.valkey import Valkey, reaching, valkey
from tests.stores.running import Clock, running
from yabot.events import delivery, reader
from yabot.events.bus import EventBus
from yabot.stores.database import DatabaseManager

__all__ = ["valkey"]

Serve = Callable[[str], ActorRef[object]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once, and readers look around often."""
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(reader, "WAIT", 0.05)


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


@pytest.fixture
async def streams(valkey: Valkey) -> AsyncIterator[Streams]:
    async with reaching(valkey.url) as server:
        yield Streams(server)
