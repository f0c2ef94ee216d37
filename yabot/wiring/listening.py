"""Listening to Redis, where it is configured: what other services tell of users, and how far behind
the groups of all processes are.

The rule: it stands beside the API in the tree, because both take what comes from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import anyio
import structlog

from actors import Actor
from supervision import Child, Strategy, Supervisor
from yabot.domain.decision import Rejected
from yabot.errors import StoreUnavailable, YabotError
from yabot.events.delivery import letter_of, tried
from yabot.events.envelope import CloudEvent
from yabot.events.errors import EventError
from yabot.events.streams import EXTERNAL_STREAM
from yabot.ops.metrics import Metrics
from yabot.services.external import ExternalEvents
from yabot.users.ports import DeadLetter

if TYPE_CHECKING:
    from yabot.events.redis import RedisServer
    from yabot.wiring.streaming import Streaming

GROUP = "external"

EVERY = 10.0
"""Seconds between two looks at the lag of the groups."""

log = structlog.get_logger(__name__)


class RefusedEvent(EventError):
    """An event from outside that means nothing here, or that its user's rules refuse."""


class ExternalDelivery:
    """Hands events to the service that makes commands of them.

    A refusal is final. An event whose user is broken, or has too much waiting, is tried a few times
    and then given up, so that one user holds up nobody else's.
    """

    def __init__(self, events: ExternalEvents, metrics: Metrics) -> None:
        self._events = events
        self._metrics = metrics

    async def deliver(self, source: CloudEvent, /) -> Exception | None:
        """Apply one event. Raises StoreUnavailable: it comes again."""
        final = (RefusedEvent, StoreUnavailable)
        failure = await tried(partial(self._accept, source), self._metrics, final=final)
        if isinstance(failure, StoreUnavailable):
            raise failure
        if failure is not None:
            self._metrics.event_failed()
        return failure

    async def _accept(self, source: CloudEvent) -> None:
        outcome = await self._events.accept(source)
        if isinstance(outcome, Rejected):
            raise RefusedEvent(f"{source.type}: {outcome.code}")

    def dead_letter(self, source: CloudEvent, error: Exception, /) -> DeadLetter:
        """What is kept of a refused event."""
        return letter_of(GROUP, source, error)


class GroupLags(Actor[object]):
    """Looks at how many events the groups have yet to handle, and tells the metrics."""

    def __init__(self, server: RedisServer, seen: dict[str, float]) -> None:
        self._server = server
        self._seen = seen

    async def run(self) -> None:
        """Look, wait, repeat; what was seen last stays while Redis is away."""
        while True:
            try:
                await self._look()
            except YabotError as error:
                log.info("groups.not_seen", error=str(error))
            await anyio.sleep(EVERY)

    async def _look(self) -> None:
        from yabot.events.processor import EVENTS
        from yabot.events.stream_group import lags

        found = await lags(self._server, [EXTERNAL_STREAM, *(source.key for source in EVENTS)])
        self._seen.clear()
        self._seen |= {group: lag.waiting + lag.pending for group, lag in found.items()}


def listening(
    found: Streaming | None, events: ExternalEvents, metrics: Metrics
) -> tuple[Supervisor, ...]:
    """The part of the tree; nothing where no Redis is configured."""
    if found is None:
        return ()
    from yabot.events.processor import EventProcessor
    from yabot.events.reader import Source

    sources = (Source(EXTERNAL_STREAM, queue=True),)
    delivery = ExternalDelivery(events, metrics)
    processor = EventProcessor(found.server, GROUP, sources=sources, delivery=delivery)
    seen: dict[str, float] = {}

    def lag() -> Mapping[str, float]:
        return dict(seen)

    metrics.watch("event_group_lag", "Events that a group has yet to handle", lag, label="group")
    lags = Child("lags", partial(GroupLags, found.server, seen), critical=False)
    both = (processor.branch(), lags)
    return (Supervisor("listening", both, Strategy.ONE_FOR_ONE, critical=False),)
