"""A check tells whether a dependency answers now, in bounded time and at a bounded rate."""

import anyio
import pytest

from yabot.ops import health
from yabot.ops.health import HealthCheckManager

pytestmark = pytest.mark.anyio


class Dependency:
    """Something that answers, or not."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.delay = 0.0
        self.asked = 0

    async def ping(self) -> None:
        self.asked += 1
        await anyio.sleep(self.delay)
        if self.error is not None:
            raise self.error


async def test_databases_that_answer_are_healthy() -> None:
    manager = HealthCheckManager(sqlite=Dependency().ping, mongodb=Dependency().ping)
    assert await manager.check_database_health() == {"mongodb": True, "sqlite": True}


async def test_what_is_not_configured_is_neither_well_nor_ill() -> None:
    manager = HealthCheckManager(sqlite=Dependency().ping)
    assert await manager.check_database_health() == {"mongodb": None, "sqlite": True}
    assert await manager.check_redis_health() == {"connected": None, "latency_ms": None}


async def test_a_database_that_raises_is_ill_and_the_other_one_is_not() -> None:
    mongodb = Dependency()
    mongodb.error = ConnectionError("away")
    manager = HealthCheckManager(sqlite=Dependency().ping, mongodb=mongodb.ping)
    assert await manager.check_database_health() == {"mongodb": False, "sqlite": True}


async def test_a_database_that_hangs_is_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    sqlite = Dependency()
    sqlite.delay = 60.0
    with anyio.fail_after(2):
        assert (await HealthCheckManager(sqlite=sqlite.ping).check_database_health())[
            "sqlite"
        ] is False


async def test_redis_tells_its_latency() -> None:
    redis = Dependency()
    redis.delay = 0.01
    told = await HealthCheckManager(sqlite=redis.ping, redis=redis.ping).check_redis_health()
    assert told["connected"] is True
    assert told["latency_ms"] is not None
    assert told["latency_ms"] >= 10


async def test_many_who_ask_at_once_cost_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite = Dependency()
    manager = HealthCheckManager(sqlite=sqlite.ping)
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(manager.check_database_health)
    assert sqlite.asked == 1
    monkeypatch.setattr(health, "FRESH", 0.0)
    await manager.check_database_health()
    assert sqlite.asked == 2
