"""EventRelay: hands the events of the outbox to one group of subscribers, in order.

An event whose handling fails is tried again a few times and then set aside as a dead letter of this
group, so one event never holds up those behind it for long.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import anyio
import structlog

from supervision import backoff
from yabot import faults
from yabot.eager import Begun
from yabot.events.base import BaseEvent
from yabot.events.envelope import CloudEvent
from yabot.events.errors import EventError
from yabot.events.ports import EventFeed, QueuedEvent
from yabot.outbox import Relay
from yabot.users.ports import DeadLetter

ATTEMPTS = 4
"""How often one event is tried."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
"""Seconds between two attempts, growing from the first to the longest."""

HANDLING = 10.0
"""Seconds that handling one event may wait; longer is a failure."""

GATHERING = 0.02
"""Seconds from the first new event to reading: a busy bot's events come in batches, not singly."""

log = structlog.get_logger(__name__)


class EventRelay(Relay[QueuedEvent]):
    """Serves one group. What `deliver` raises counts as a failed attempt."""

    batch = 100

    def __init__(
        self, group: str, feed: EventFeed, deliver: Callable[[BaseEvent], Awaitable[None]]
    ) -> None:
        self._group = group
        self._feed = feed
        self._deliver = deliver

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events that this group has yet to get."""
        return await self._feed.read(after, limit)

    async def changed(self) -> None:
        """Return when there may be more, and a few have gathered."""
        await self._feed.changed()
        await asyncio.sleep(GATHERING)

    async def forward(self, rows: Sequence[QueuedEvent]) -> None:
        """Deliver the events, then note how far the group has come."""
        letters: list[DeadLetter] = []
        for row in rows:
            error = await self._tried(row)
            if error is not None:
                letters.append(self._dead_letter(row, error))
        faults.reach("after_apply")
        await self._feed.taken(rows[-1].seq, letters)

    async def _tried(self, row: QueuedEvent) -> Exception | None:
        """Deliver one event; the last error when every attempt failed."""
        try:
            event = BaseEvent.of(row)
        except EventError as unreadable:
            return unreadable
        failure: Exception | None = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                handling = Begun(self._deliver(event))
                if handling.waits:
                    async with asyncio.timeout(HANDLING):
                        await handling
                return None
            except Exception as error:
                failure = error
            if attempt < ATTEMPTS:
                pause = backoff(attempt, base=FIRST_PAUSE, cap=LONGEST_PAUSE, rng=random.random)
                await anyio.sleep(pause)
        return failure

    def _dead_letter(self, row: QueuedEvent, error: Exception) -> DeadLetter:
        told = f"{self._group}: {type(error).__name__}: {error}"
        log.error("event.set_aside", group=self._group, event_id=row.event_id, error=told)
        body = CloudEvent.of(row).to_json()
        return DeadLetter("event", f"{self._group}:{row.event_id}", row.user_id, told, body)
