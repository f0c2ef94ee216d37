"""StreamReader: the actor that handles the events of one stream for one group.

    take the stream ──▶ what was left pending ──▶ read ──▶ put in order ──▶ deliver ──▶ settle
          ▲                                        ▲                                      │
          └─── somebody else's turn, trouble ──────┴──────────────────────────────────────┘

The rule: an event is settled only when it was handled, or stands in the dead letters. Order is
looked at before anything is left out, so an event that nobody of the group wants is no gap.
"""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import anyio
import structlog

from actors import Actor
from supervision import Context, Report, backoff
from yabot.errors import YabotError
from yabot.events.delivery import KIND
from yabot.events.envelope import SYSTEM, CloudEvent
from yabot.events.errors import EventError, UnreadableEvent
from yabot.events.grace import Grace
from yabot.events.group_memory import GapAudit, Places
from yabot.events.holding import Holding
from yabot.events.ordering import Gap, Limits, Ordering, Place, Released
from yabot.events.redis import RedisServer
from yabot.events.redis_errors import RedisAway
from yabot.events.stream_group import BEGINNING, Entry, StreamGroup
from yabot.users.ports import DeadLetter

WAIT = 1.0
"""Seconds that one read waits for entries; also how often a stream's holder is looked at."""

SETTLE_EVERY = 0.5
"""Seconds of handling after which what is done is settled, in the middle of a batch as well."""

LOOK_FOR_TRIMMED = 10.0
"""Seconds between two looks at whether the stream was cut off before it was read."""

LONGEST_PAUSE = 5.0
"""Seconds between two attempts while Redis is away."""

LAST_WORDS = 1.0
"""Seconds that a stop leaves to settling, and to giving the stream up."""

log = structlog.get_logger(__name__)


class Letters(Protocol):
    """Where events go that were given up."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a letter. Raises StoreUnavailable."""
        ...


class Delivers(Protocol):
    """What handles an event; `Delivery` with its handlers does."""

    async def deliver(self, source: CloudEvent, /) -> Exception | None:
        """Handle an event; the error when that was given up. Raises YabotError to try it later."""
        ...

    def dead_letter(self, source: CloudEvent, error: Exception, /) -> DeadLetter:
        """What is kept of an event that was given up."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A stream. One that is a `queue` has no order, and what was handled is taken out of it."""

    key: str
    queue: bool = False


@dataclass(frozen=True, slots=True)
class GroupParts:
    """What all readers of a group in this process share.

    `report` hears of events that are gone without having been handled.
    """

    server: RedisServer
    group: str
    consumer: str
    holding: Holding
    delivery: Delivers
    letters: Letters
    gaps: GapAudit
    report: Callable[[Report], None] | None = None
    limits: Limits = field(default_factory=Limits)


Waiting = tuple[bytes, CloudEvent]
"""An entry's id and its event."""


class StreamReader(Actor[object]):
    """Reads one stream while this process holds it."""

    def __init__(self, source: Source, parts: GroupParts) -> None:
        self._source = source
        self._parts = parts
        self._stream = StreamGroup(parts.server, source.key, parts.group, parts.consumer)
        self._places = Places(parts.server, parts.group, source.key)
        self._ordering: Ordering[Waiting] = Ordering(parts.limits)
        self._grace = Grace()
        self._done: list[bytes] = []
        self._settled_at = time.monotonic()
        self._looked_at = 0.0

    async def run(self) -> None:
        """Take the stream, serve it, wait for another turn, repeat."""
        failures = 0
        try:
            while True:
                try:
                    if await self._parts.holding.take(self._source.key):
                        await self._serve()
                    failures = 0
                    await anyio.sleep(WAIT)
                except YabotError as error:
                    failures += 1
                    await self._pause(error, failures)
        finally:
            with anyio.move_on_after(LAST_WORDS, shield=True):
                await self._leave()

    async def _pause(self, error: YabotError, failures: int) -> None:
        if failures == 1:
            key, group = self._source.key, self._parts.group
            log.warning("reader.paused", stream=key, group=group, error=str(error))
        pause = backoff(failures, base=0.1, cap=LONGEST_PAUSE, rng=random.random)
        await anyio.sleep(min(max(pause, error.retry_after or 0.0), LONGEST_PAUSE))

    async def _leave(self) -> None:
        try:
            await self._parts.holding.give_up(self._source.key)
        except YabotError as error:
            log.warning("reader.stream_not_given_up", stream=self._source.key, error=str(error))

    async def _serve(self) -> None:
        """Handle what comes for as long as the stream is this process's."""
        self._ordering = Ordering(self._parts.limits)
        self._done.clear()
        await self._stream.join()
        await self._inherit()
        while await self._parts.holding.take(self._source.key):
            if time.monotonic() >= self._looked_at + LOOK_FOR_TRIMMED:
                await self._look_for_trimmed()
            entries = await self._stream.read(wait=self._patience())
            await self._grace.over(partial(self._handle, entries))

    async def _inherit(self) -> None:
        """Handle what this group has read and not settled, whoever of it did."""
        after: bytes | None = BEGINNING
        while after is not None:
            page = await self._stream.inherit(after)
            if page.lost:
                self._tell(f"{page.lost} entries were cut off while they were being handled")
            await self._grace.over(partial(self._handle, page.entries))
            after = page.after
        await self._stream.forget_the_gone()

    def _patience(self) -> float:
        """Seconds to wait for entries: not beyond the time of the next gap."""
        due = self._ordering.next_due()
        return WAIT if due is None else max(0.0, min(WAIT, due - time.monotonic()))

    async def _handle(self, entries: Sequence[Entry]) -> None:
        """Deliver what can be delivered, and settle what is done also when that fails."""
        opened = [(entry, self._open(entry)) for entry in entries]
        await self._recall(event for _, event in opened if isinstance(event, CloudEvent))
        try:
            for entry, event in opened:
                if isinstance(event, CloudEvent):
                    await self._offer(entry.id, event)
                else:
                    await self._set_aside(entry, event)
                if self._grace.ending:
                    return
            await self._deliver_all(self._ordering.overdue(time.monotonic()))
        finally:
            with anyio.move_on_after(LAST_WORDS, shield=self._grace.ending):
                await self._settle()

    def _open(self, entry: Entry) -> CloudEvent | EventError:
        try:
            return CloudEvent.from_json(entry.body)
        except UnreadableEvent as error:
            return error

    async def _recall(self, events: Iterable[CloudEvent]) -> None:
        """Take up the places of users of whom nothing is in memory."""
        users = self._ordering.unknown(e.user_id for e in events if self._has_order(e))
        for user_id, place in (await self._places.of(users)).items():
            self._ordering.begin(user_id, place)

    def _has_order(self, event: CloudEvent) -> bool:
        return event.sequence > 0 and not self._source.queue

    async def _offer(self, id_: bytes, event: CloudEvent) -> None:
        if not self._has_order(event):
            await self._deliver(id_, event)
            return
        place = Place(event.epoch, event.sequence)
        released = self._ordering.offer(event.user_id, place, (id_, event), time.monotonic())
        if released.duplicate:
            self._done.append(id_)
        await self._deliver_all(released)

    async def _deliver_all(self, released: Released[Waiting]) -> None:
        if released.gaps:
            await self._tell_gaps(released.gaps)
        for id_, event in released.ready:
            if self._grace.ending:
                return
            await self._deliver(id_, event)

    async def _deliver(self, id_: bytes, event: CloudEvent) -> None:
        """Have one event handled, or put it among the dead letters."""
        if not self._parts.holding.alive:
            raise RedisAway("the others may take this process for gone, so it stops handling")
        error = await self._parts.delivery.deliver(event)
        if error is not None:
            await self._parts.letters.add(self._parts.delivery.dead_letter(event, error))
        if self._has_order(event):
            self._places.handled(event.user_id, Place(event.epoch, event.sequence))
        self._done.append(id_)
        if time.monotonic() >= self._settled_at + SETTLE_EVERY:
            await self._settle()

    async def _set_aside(self, entry: Entry, error: EventError) -> None:
        """What is no event at all is a dead letter of nobody."""
        key = f"{self._parts.group}:{self._source.key}/{entry.id.decode()}"
        told = f"{self._parts.group}: {type(error).__name__}: {error}"
        body = entry.body.decode(errors="replace").encode()
        log.error("event.unreadable", stream=self._source.key, entry=entry.id.decode(), error=told)
        await self._parts.letters.add(DeadLetter(KIND, key, SYSTEM, told, body))
        self._done.append(entry.id)

    async def _settle(self) -> None:
        """First how far users are, then what is done: a death in between repeats nothing."""
        await self._places.save()
        if self._done:
            await self._stream.settle(self._done, remove=self._source.queue)
            self._done.clear()
        self._settled_at = time.monotonic()

    async def _look_for_trimmed(self) -> None:
        self._looked_at = time.monotonic()
        if not self._source.queue and (lost := await self._stream.trimmed()):
            self._tell(f"{lost} events were cut off before they were read")

    async def _tell_gaps(self, gaps: Sequence[Gap]) -> None:
        for gap in gaps:
            epoch = f" of epoch {gap.epoch}" if gap.epoch > 1 else ""
            self._tell(f"events {gap.first} to {gap.last}{epoch} of user {gap.user_id} are missing")
        await self._parts.gaps.add(gaps)

    def _tell(self, reason: str) -> None:
        group, key = self._parts.group, self._source.key
        log.error("event.missed", group=group, stream=key, reason=reason)
        if self._parts.report is not None:
            now = anyio.current_time()
            self._parts.report(Report(group, Context.DEAD_LETTER, f"{key}: {reason}", key, now))
