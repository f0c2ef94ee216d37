"""HealthCheckManager: whether what the bot depends on answers now.

The rule: a check is bounded in time and asked at most once a second, so watching never adds load.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog

PATIENCE = 2.0
"""Seconds in which a dependency has to answer."""

FRESH = 1.0
"""Seconds for which an answer is good."""

Ping = Callable[[], Awaitable[object]]
"""Asks a dependency for the least that proves it works; raises where it does not."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether it answered, and in how many milliseconds."""

    answered: bool
    latency_ms: float | None


class HealthCheckManager:
    """Checks the databases and Redis; None stands for what is not configured."""

    def __init__(
        self, *, sqlite: Ping, mongodb: Ping | None = None, redis: Ping | None = None
    ) -> None:
        self._sqlite = _Check("sqlite", sqlite)
        self._mongodb = _Check("mongodb", mongodb) if mongodb is not None else None
        self._redis = _Check("redis", redis) if redis is not None else None

    async def check_database_health(self) -> dict[str, bool | None]:
        """`mongodb` and `sqlite`: whether each answers; None where not configured."""
        pulses: dict[str, bool | None] = {"mongodb": None, "sqlite": None}

        async def check(check: _Check) -> None:
            pulses[check.name] = (await check.pulse()).answered

        async with anyio.create_task_group() as group:
            for database in (self._mongodb, self._sqlite):
                if database is not None:
                    group.start_soon(check, database)
        return pulses

    async def check_redis_health(self) -> dict[str, bool | float | None]:
        """`connected` and `latency_ms`; both None where not configured."""
        if self._redis is None:
            return {"connected": None, "latency_ms": None}
        pulse = await self._redis.pulse()
        return {"connected": pulse.answered, "latency_ms": pulse.latency_ms}


class _Check:
    """One dependency; those who ask while it is being asked share the answer."""

    def __init__(self, name: str, ping: Ping) -> None:
        self.name = name
        self._ping = ping
        self._lock = anyio.Lock()
        self._pulse = Pulse(answered=False, latency_ms=None)
        self._asked = float("-inf")

    async def pulse(self) -> Pulse:
        async with self._lock:
            if time.monotonic() - self._asked >= FRESH:
                self._pulse = await self._ask()
                self._asked = time.monotonic()
            return self._pulse

    async def _ask(self) -> Pulse:
        begun = time.perf_counter()
        try:
            with anyio.fail_after(PATIENCE):
                await self._ping()
        except Exception as error:
            log.info("health.failed", check=self.name, error=f"{type(error).__name__}: {error}")
            return Pulse(answered=False, latency_ms=None)
        return Pulse(answered=True, latency_ms=round((time.perf_counter() - begun) * 1000, 3))
