"""Redis, where it is configured: the connection, and the bridge that uses it.

The rule: without REDIS_URL none of this runs and no client is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from supervision import BreakerState, Child, Condition, Health, Reports
from yabot.config import ConfigManager, RedisConfig
from yabot.errors import YabotError
from yabot.events.bridge_ports import Bridging
from yabot.events.bus import EventBus
from yabot.ops.metrics import Metrics
from yabot.stores.bridge import RELAY
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Clock

if TYPE_CHECKING:
    from yabot.events.bridge import RedisBridge
    from yabot.events.redis import RedisServer

LATE = 30.0
"""Seconds that an event may wait for its stream before it is told."""

PATIENCE = 5.0
"""Seconds that `look` waits for an answer."""


class Streaming:
    """The way of events to one Redis. `published` hears of each event's seconds from its commit."""

    def __init__(
        self,
        server: RedisServer,
        database: DatabaseManager,
        *,
        keep: int,
        clock: Clock,
        published: Callable[[float], None],
    ) -> None:
        self.server = server
        self.bridging = Bridging()
        self._database = database
        self._keep = keep
        self._clock = clock
        self._published = published

    def child(self) -> Child:
        """The bridge in the tree."""
        return Child("redis_bridge", self._bridge, detail=self.line, health=self.condition)

    def _bridge(self) -> RedisBridge:
        from yabot.events.bridge import RedisBridge

        return RedisBridge(
            self._database.bridge,
            self.server,
            self.bridging,
            keep=self._keep,
            clock=self._clock,
            published=self._published,
        )

    def line(self) -> str:
        """The state of the breaker, and what waits."""
        seen, told = self.bridging, [self.server.detail(), f"outbox {self.waiting()}"]
        if seen.oldest is not None:
            told.append(f"oldest {self.age():.0f} s")
        told += [f"{seen.resent} sent again"] * bool(seen.resent)
        told += [f"{seen.let_go} let go"] * bool(seen.let_go)
        return ", ".join(told)

    def condition(self) -> Condition:
        """Whether events get to their streams, and why not."""
        trouble = self.bridging.trouble or ""
        if self.server.breaker.state is not BreakerState.CLOSED:
            return Condition(Health.DOWN, trouble)
        late = self.age() > LATE
        return Condition(Health.DEGRADED, trouble) if trouble or late else Condition(Health.OK)

    def waiting(self) -> int:
        """About how many events wait for their streams."""
        return self._database.bridge.waiting(self.bridging.position)

    def age(self) -> float:
        """For how many seconds the first of them has waited, where something holds it up."""
        oldest = self.bridging.oldest
        return (self._clock() - oldest).total_seconds() if oldest is not None else 0.0

    def counts(self) -> Mapping[str, float]:
        """What the bridge has done, for a scrape."""
        seen = self.bridging
        return {
            "waiting": self.waiting(),
            "sent": seen.sent,
            "resent": seen.resent,
            "let_go": seen.let_go,
            "failures": seen.failures,
        }

    async def ping(self) -> None:
        """Ask the server for the least. Raises YabotError."""
        await self.server.ping()


@asynccontextmanager
async def streaming(
    settings: ConfigManager,
    database: DatabaseManager,
    clock: Clock,
    metrics: Metrics,
    reports: Reports,
) -> AsyncIterator[Streaming | None]:
    """The way to Redis, closed at the end; None where none is configured. Raises ConfigError."""
    config = settings.get_redis_config()
    if config.url is None:
        yield None
        return
    from yabot.events.redis import connect

    server = connect(config.url, config.password, report=reports.add)
    keep, published = config.stream_maxlen, metrics.event_published
    try:
        yield Streaming(server, database, keep=keep, clock=clock, published=published)
    finally:
        await server.close()


def bridge(found: Streaming | None) -> tuple[Child, ...]:
    """The part of the tree."""
    return (found.child(),) if found is not None else ()


def relays(bus: EventBus, found: Streaming | None) -> Sequence[str]:
    """The names of all that take events from the outbox."""
    return [*bus.groups, RELAY] if found is not None else bus.groups


async def look(config: RedisConfig) -> tuple[str, str]:
    """What the server is and what to do about it, within a few seconds. Raises ConfigError."""
    if config.url is None:
        return "not configured, events stay in SQLite", ""
    from yabot.events.redis import connect

    server = connect(config.url, config.password)
    advice = "the bot starts without it; start it, or mend REDIS_URL and REDIS_PASSWORD"
    try:
        with anyio.fail_after(PATIENCE):
            await server.ping()
    except YabotError as error:
        return f"{server.shown}: {error}", advice
    except TimeoutError:
        return f"{server.shown}: no answer within {PATIENCE:.0f} s", advice
    finally:
        await server.close()
    return f"answers at {server.shown}", ""
