"""Pages for machines that watch the bot: alive, ready, healthy, its tree, its metrics.

The rule: they need no token, so they tell states and counts and never a user or a secret.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from yabot.api.route import JSON, AnyRoute, Asked, Input, Nothing, Output, Reply, Route

TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"

LIVENESS = "/livez"
"""Answered however busy the server is: who hears no answer ends the process."""

Status = Literal["pass", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Probes:
    """What the pages show, as functions that `app.py` provides.

    `ready` gives a reason where the answer is no. `tree` is the supervision tree as a frozen
    dataclass, `draw` the same as lines of text. `database` and `redis` are the checks of
    HealthCheckManager, `storage` the last look at the room that is left. `metrics` is the text of
    a scrape.
    """

    live: Callable[[], bool]
    ready: Callable[[], tuple[bool, str]]
    tree: Callable[[], object]
    draw: Callable[[], str]
    database: Callable[[], Awaitable[Mapping[str, bool | None]]]
    redis: Callable[[], Awaitable[Mapping[str, bool | float | None]]]
    storage: Callable[[], "StorageHealth"]
    metrics: Callable[[], Awaitable[bytes]]


class State(Output):
    """`pass`, or `fail` with a reason."""

    status: Status
    detail: str = ""


class WaitingHealth(Output):
    """About how many wait, and for how many seconds the oldest of them has."""

    waiting: int
    age: float


class StorageHealth(Output):
    """`warn`: act soon; `fail`: writes are about to fail.

    `sizes` holds the bytes of `disk_free`, `database` and `log`, null until the disk has answered;
    `queues` holds what waits, by name.
    """

    status: Status
    detail: str = ""
    sizes: Mapping[str, int] | None = None
    queues: Mapping[str, WaitingHealth] = {}


class DatabaseHealth(Output):
    """Whether each database answers, null for one that is not configured; and what room is left."""

    mongodb: bool | None
    sqlite: bool | None
    storage: StorageHealth


class RedisHealth(Output):
    """Whether Redis answers, and in how many milliseconds; both null where it is not configured."""

    connected: bool | None
    latency_ms: float | None


class Health(Output):
    """All of it. `warn`: something is away and the bot works on without it."""

    status: Status
    detail: str
    database: DatabaseHealth
    redis: RedisHealth


class TreeFormat(Input):
    """`text` for people; JSON otherwise."""

    format: Literal["json", "text"] | None = None


class ProbeRoutes:
    """The pages over their probes."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", LIVENESS, "get_liveness", "Whether to leave this process running",
                  Nothing, State, self.live, scope=None, statuses=(503,)),
            Route("GET", "/readyz", "get_readiness", "Whether to send work here",
                  Nothing, State, self.ready, scope=None, statuses=(503,)),
            Route("GET", "/health", "get_health", "Everything that is checked",
                  Nothing, Health, self.health, scope=None, statuses=(503,)),
            Route("GET", "/health/database", "get_database_health", "The databases",
                  Nothing, DatabaseHealth, self.database, scope=None, statuses=(503,)),
            Route("GET", "/health/redis", "get_redis_health", "The event bus",
                  Nothing, RedisHealth, self.redis, scope=None, statuses=(503,)),
            Route("GET", "/health/supervisors", "get_supervisors", "The supervision tree",
                  TreeFormat, None, self.tree, scope=None, answers=(JSON, TEXT)),
            Route("GET", "/metrics", "get_metrics", "Metrics for Prometheus",
                  Nothing, None, self.metrics, scope=None, answers=(METRICS,)),
        )  # fmt: skip

    async def live(self, _: Asked[Nothing]) -> Reply:
        """200 while the process does its work."""
        return _state(self._probes.live(), "the event loop or the root supervisor has stopped")

    async def ready(self, _: Asked[Nothing]) -> Reply:
        """200 while updates and requests can be taken."""
        return _state(*self._probes.ready())

    async def health(self, _: Asked[Nothing]) -> Reply:
        """All checks at once."""
        ready, reason = self._probes.ready()
        database, answer = await asyncio.gather(self._databases(), self._probes.redis())
        redis = RedisHealth.model_validate(answer)
        away = database.mongodb is False or redis.connected is False
        storage = database.storage
        status: Status = "warn" if away or storage.status == "warn" else "pass"
        if not ready or database.sqlite is False or storage.status == "fail":
            status = "fail"
        detail = storage.detail if ready else reason
        health = Health(status=status, detail=detail, database=database, redis=redis)
        return Reply(health, status=503 if status == "fail" else 200)

    async def database(self, _: Asked[Nothing]) -> Reply:
        """The databases; without SQLite nothing works."""
        health = await self._databases()
        return Reply(health, status=503 if False in (health.sqlite, health.mongodb) else 200)

    async def _databases(self) -> DatabaseHealth:
        answers = await self._probes.database()
        return DatabaseHealth.model_validate({**answers, "storage": self._probes.storage()})

    async def redis(self, _: Asked[Nothing]) -> Reply:
        """The event bus."""
        health = RedisHealth.model_validate(await self._probes.redis())
        return Reply(health, status=503 if health.connected is False else 200)

    async def tree(self, asked: Asked[TreeFormat]) -> Reply:
        """The tree, as JSON or drawn."""
        as_text = "text/plain" in asked.accept
        if asked.input.format is not None:
            as_text = asked.input.format == "text"
        if as_text:
            return Reply(self._probes.draw() + "\n", content_type=TEXT)
        return Reply(orjson.dumps(self._probes.tree(), default=str))

    async def metrics(self, _: Asked[Nothing]) -> Reply:
        """Metrics in Prometheus's text format."""
        return Reply(await self._probes.metrics(), content_type=METRICS)


def _state(good: bool, reason: str) -> Reply:
    if good:
        return Reply(State(status="pass"))
    return Reply(State(status="fail", detail=reason), status=503)
