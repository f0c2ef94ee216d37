"""EventRelay: hands the events of the outbox to one group of subscribers of this process, in order.

An event whose handling fails is tried again a few times and then set aside as a dead letter of this
group, so one event never holds up those behind it for long. A letter that an operator sends back is
handled before what is new.

A handler may end the process itself. After two deaths without progress the next events are handled
one at a time, each counted just before and while no other group has a suspect in hand; the one that
was alone at two more deaths is set aside.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import anyio
import structlog

from supervision import Context, Report
from yabot import faults
from yabot.errors import HandlerExited
from yabot.events.delivery import Delivery
from yabot.events.envelope import CloudEvent
from yabot.events.errors import UnreadableEvent
from yabot.events.grace import Grace
from yabot.events.ports import EventFeed, QueuedEvent, ReturnedEvent
from yabot.outbox import Relay
from yabot.users.ports import DeadLetter

GATHERING = 0.02
"""Seconds from the first new event to reading: a busy bot's events come in batches, not singly."""

LAST_MARK = 1.0
"""Seconds that a stop leaves to noting how far the group has come."""

SUSPECT = 2
"""Attempts from which events are handled alone."""

GIVEN_UP = 4
"""Attempts at which an event is set aside: twice stood by, and twice ended the process alone."""

INTERRUPTED = "the process ended while it was tried again"

log = structlog.get_logger(__name__)


class EventRelay(Relay[QueuedEvent]):
    """Serves one group. `report` hears of events that are gone without having been handled.

    The relays of a process share one `quarantine`, in which suspects are handled, so that a death
    there is one event's alone.
    """

    batch = 100

    def __init__(
        self,
        feed: EventFeed,
        delivery: Delivery,
        quarantine: asyncio.Lock,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self._feed = feed
        self._delivery = delivery
        self._quarantine = quarantine
        self._report = report
        self._grace = Grace()
        self._looked_back = False
        self._handled = 0
        self._letters: list[DeadLetter] = []
        self._alone = 0
        self._condemned = False

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events that this group has yet to get."""
        if not self._looked_back:
            await self._tell_what_is_missed()
            await self._look_for_suspects()
            self._looked_back = True
        while page := await self._feed.returned():
            for returned in page:
                await self._grace.over(partial(self._retry, returned))
        return await self._feed.read(after, min(limit, self.batch))

    async def changed(self) -> None:
        """Return when there may be more, and a few have gathered."""
        await self._feed.changed()
        await asyncio.sleep(GATHERING)

    async def forward(self, rows: Sequence[QueuedEvent]) -> None:
        """Deliver the events, then note how far the group has come, also when a stop comes.

        Where that can't be noted they are not delivered again, only noted.
        """
        if not self._alone:
            await self._forward(rows)
            return
        async with self._quarantine:
            await self._forward(rows)

    async def _forward(self, rows: Sequence[QueuedEvent]) -> None:
        async def deliver() -> None:
            for row in rows:
                if row.seq <= self._handled:
                    continue
                error = await self._handle(row)
                if error is not None:
                    self._letters.append(self._delivery.dead_letter(row, error))
                self._handled = row.seq
                if self._grace.ending:
                    break

        try:
            await self._grace.over(deliver)
        finally:
            if self._handled:
                faults.reach("after_apply")
                patience = LAST_MARK if self._grace.ending else None
                with anyio.move_on_after(patience, shield=self._grace.ending):
                    await self._feed.taken(self._handled, self._letters)
                    self._letters.clear()

    async def _handle(self, row: QueuedEvent) -> Exception | None:
        """Deliver an event; a suspect is counted before."""
        if not self._alone:
            return await self._delivery.deliver(row)
        self._alone -= 1
        if not self._alone:
            self.batch = EventRelay.batch
        if not self._delivery.wants(row.name):
            return None
        if self._condemned:
            self._condemned = False
            return HandlerExited("handling it has ended the process")
        await self._feed.stamp()
        return await self._delivery.deliver(row)

    async def _look_for_suspects(self) -> None:
        """A batch that did not come to its end may hold what ended the process."""
        attempts = await self._feed.attempts()
        self._condemned = attempts >= GIVEN_UP
        if attempts >= SUSPECT:
            log.warning("event.suspects", group=self._delivery.group, attempts=attempts)
            self._alone, self.batch = self.batch, 1

    async def _retry(self, returned: ReturnedEvent) -> None:
        """Deliver what was a dead letter; it stays one, with its new error, when that fails.

        It is one again before it is delivered: should that end the process, it is not tried again.
        """
        await self._feed.tried(returned.id, f"{self._delivery.group}: {INTERRUPTED}")
        failure: Exception | None
        try:
            event = CloudEvent.from_json(returned.body)
        except UnreadableEvent as error:
            failure = error
        else:
            failure = await self._delivery.deliver(event)
        told = f"{self._delivery.group}: {type(failure).__name__}: {failure}" if failure else None
        await self._feed.tried(returned.id, told)
        log.info("event.replayed", group=self._delivery.group, letter=returned.id, error=told)

    async def _tell_what_is_missed(self) -> None:
        missed = await self._feed.missed()
        if missed is None:
            return
        first, last = missed
        group = self._delivery.group
        told = f"events {first} to {last} were pruned before this group took them"
        log.error("event.missed", group=group, first=first, last=last)
        if self._report is not None:
            self._report(Report("events", Context.DEAD_LETTER, told, group, anyio.current_time()))
