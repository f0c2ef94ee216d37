"""RedisBridge: brings the events of the outbox to their streams in Redis, in order.

    read ──▶ append, each stream where it should end ──▶ go on, and remember it now and then
      ▲                 │ no answer, or a stream ends elsewhere
      └── compare ◀─────┘ what does each stream hold? go back to the first event that one misses

The rule: an event goes to its stream only behind all that came before it there. What the bridge
remembers may be older than what the streams hold, never newer: comparing makes up for it.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import anyio
import structlog

from yabot import faults
from yabot.errors import StoreUnavailable, YabotError
from yabot.events.bridge_levels import Place, level
from yabot.events.bridge_ports import BridgeOutbox, Bridging
from yabot.events.envelope import SOURCE, CloudEvent, packed
from yabot.events.errors import EventError
from yabot.events.ports import QueuedEvent
from yabot.events.redis import RedisServer
from yabot.events.redis_append import Addition, Tip, append
from yabot.events.redis_errors import RedisRefused
from yabot.events.streams import PARTITIONS, partition_of, stream_key
from yabot.outbox import Relay
from yabot.users.ports import Clock

GATHERING = 0.002
"""Seconds from the first new event to reading, so that a busy bot's events come in batches."""

MARK_EVERY = 0.1
"""Seconds between two marks in the outbox; each is a commit."""

COMPARE_EVERY = 5.0
"""Seconds after which the streams are looked at again, in case one is gone."""

NEVER = float("-inf")

log = structlog.get_logger(__name__)


class RedisBridge(Relay[QueuedEvent]):
    """Empties the events outbox into the streams of one server.

    `keep` is about how many entries a stream keeps; `published` hears of each event how many
    seconds after its commit it was in its stream.
    """

    batch = 1_000
    longest_pause = 2.0

    def __init__(
        self,
        outbox: BridgeOutbox,
        server: RedisServer,
        bridging: Bridging,
        *,
        keep: int,
        clock: Clock,
        published: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._outbox = outbox
        self._server = server
        self._bridging = bridging
        self._keep = keep
        self._clock = clock
        self._published = published
        self._places: dict[int, Place] = {}
        self._position = 0
        self._loaded = False
        self._compared_at = NEVER
        self._marked_at = NEVER
        self._unmarked: set[int] = set()

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:  # noqa: ARG002
        """Compare where that is due, and read on; `after` does not count, as it may go back."""
        try:
            if not self._loaded:
                await self._load()
            if time.monotonic() - self._compared_at >= COMPARE_EVERY:
                await self._compare()
            if self._unmarked and time.monotonic() - self._marked_at >= MARK_EVERY:
                await self._mark()
            return await self._outbox.read(self._position, limit)
        except YabotError as error:
            await self._note(error)
            raise

    async def changed(self) -> None:
        """Return when there may be more and a few have gathered, or it is time for a mark."""
        with anyio.move_on_after(MARK_EVERY if self._unmarked else COMPARE_EVERY):
            await self._outbox.changed()
            await anyio.sleep(GATHERING)

    async def forward(self, rows: Sequence[QueuedEvent]) -> None:
        """Append the events to their streams, unless one of these is not as it was left."""
        missing: dict[int, list[QueuedEvent]] = defaultdict(list)
        for row in rows:
            partition = partition_of(row.user_id)
            if row.seq > self._places[partition].seq:
                missing[partition].append(row)
        try:
            if missing:
                await self._append(missing)
        except YabotError as error:
            self._compared_at = NEVER
            await self._note(error)
            raise
        self._advance(rows)

    async def _append(self, missing: Mapping[int, Sequence[QueuedEvent]]) -> None:
        additions = {
            partition: Addition(self._places[partition].last_id, [packed(row) for row in rows])
            for partition, rows in missing.items()
        }
        tips = await append(self._server, additions, keep=self._keep)
        faults.reach("after_apply")
        for partition, tip in tips.items():
            if tip.added:
                self._places[partition] = Place(tip.last_id, missing[partition][-1].seq)
                self._unmarked.add(partition)
                self._count(missing[partition])
        if elsewhere := [stream_key(p) for p, tip in tips.items() if not tip.added]:
            told = f"{', '.join(elsewhere)}: not as it was left"
            raise RedisRefused(told, code="DIVERGED")

    async def _load(self) -> None:
        bridged = await self._outbox.load()
        self._position = bridged.position
        self._places = {
            partition: Place(*bridged.streams.get(partition, ("", 0)))
            for partition in range(PARTITIONS)
        }
        furthest = max(self._position, *(place.seq for place in self._places.values()))
        self._bridging.furthest = max(self._bridging.furthest, furthest)
        self._bridging.position = self._position
        self._loaded = True

    async def _compare(self) -> None:
        """See what each stream holds, and go back to the first event that one misses."""
        asked = {p: Addition(place.last_id) for p, place in self._places.items()}
        tips = await append(self._server, asked, keep=self._keep)
        diverged = {partition: tip for partition, tip in tips.items() if not tip.added}
        if diverged:
            if not self._bridging.furthest:
                await self._outrank(diverged.values())
            await self._go_back(diverged)
        self._compared_at = time.monotonic()
        self._bridging.trouble = self._bridging.oldest = None

    async def _go_back(self, diverged: Mapping[int, Tip]) -> None:
        """Take up the places of streams that are not as they were left.

        They are remembered first: whoever dies while sending again goes on with that.
        """
        places = dict(self._places)
        for partition, place in self._places.items():
            tip = diverged.get(partition, Tip(added=True, last_id=place.last_id))
            held = level(place, self._position, tip, await self._known(tip))
            places[partition] = Place(tip.last_id, held)
        position = min(self._position, *(place.seq for place in places.values()))
        await self._outbox.move(position, _remembered(places))
        streams = [stream_key(partition) for partition in diverged]
        log.warning("bridge.diverged", streams=streams, at=self._position, back_to=position)
        self._places, self._position = places, position
        self._bridging.position = position

    async def _outrank(self, tips: Iterable[Tip]) -> None:
        """Before the first event of this database: its numbers come after those of another one.

        Who was told of users by a former database would take a new count for repetitions.
        """
        found = [event for tip in tips if (event := _newest(tip)) and event.source == SOURCE]
        strange = [event.epoch for event in found if await self._place_of(event) is None]
        if strange:
            await self._outbox.outrank(max(strange))

    async def _known(self, tip: Tip) -> int | None:
        """The place in the outbox of the newest event of a stream."""
        event = _newest(tip)
        return await self._place_of(event) if event is not None else None

    async def _place_of(self, event: CloudEvent) -> int | None:
        return await self._outbox.find(event.user_id, event.sequence, event.id)

    async def _mark(self) -> None:
        places = {partition: self._places[partition] for partition in self._unmarked}
        await self._outbox.move(self._position, _remembered(places))
        self._unmarked.clear()
        self._marked_at = time.monotonic()

    def _count(self, rows: Sequence[QueuedEvent]) -> None:
        now = self._clock()
        for row in rows:
            if row.seq > self._bridging.furthest:
                self._published((now - row.at).total_seconds())
            else:
                self._bridging.resent += 1
        self._bridging.sent += len(rows)

    def _advance(self, rows: Sequence[QueuedEvent]) -> None:
        """Go on behind these rows. A gap before them is of events that were kept long enough."""
        let_go = rows[0].seq - self._position - 1
        if let_go and 0 < self._bridging.furthest <= self._position:
            self._bridging.let_go += let_go
            log.error("bridge.let_go", events=let_go, after=self._position)
        self._position = rows[-1].seq
        self._bridging.position = self._position
        self._bridging.furthest = max(self._bridging.furthest, self._position)
        self._bridging.trouble = self._bridging.oldest = None

    async def _note(self, error: YabotError) -> None:
        """Say what holds the bridge up, and how long something has waited."""
        self._bridging.failures += 1
        self._bridging.trouble = str(error)
        with suppress(StoreUnavailable):
            self._bridging.oldest = await self._outbox.oldest(self._position)


def _newest(tip: Tip) -> CloudEvent | None:
    try:
        return CloudEvent.from_json(tip.newest)
    except EventError:
        return None


def _remembered(places: Mapping[int, Place]) -> Mapping[int, tuple[str, int]]:
    return {partition: (place.last_id, place.seq) for partition, place in places.items()}
