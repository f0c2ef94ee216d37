"""SqliteBridge: the events outbox as the bridge to Redis sees it.

What other relays remember is a position that only grows. The rule: this one may go back, because a
server can lose what it had; what goes back is written down before anything is sent again, so that
no death in between leaves a gap, and pruning keeps what is still to be sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yabot.domain.values import Instant, UserId
from yabot.stores.bell import Bell
from yabot.stores.epoch import Epoch
from yabot.stores.events import QueuedEvent, SqliteEventOutbox
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row, Written
from yabot.stores.writer import Writer
from yabot.users.ports import Clock

RELAY = "redis"
"""The name of the bridge among the relays."""

POSITION = "SELECT position FROM relays WHERE name = ?"
STREAMS = "SELECT partition, last_id, seq FROM redis_streams"
NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox_events'), 0)"
OLDEST = "SELECT at FROM outbox_events WHERE seq > ? ORDER BY seq LIMIT 1"
FIND = "SELECT seq FROM outbox_events WHERE user_id = ? AND sequence = ? AND event_id = ?"


@dataclass(frozen=True, slots=True)
class Bridged:
    """How far the bridge is: its position, and by partition the last id and `seq` of a stream."""

    position: int = 0
    streams: Mapping[int, tuple[str, int]] = field(default_factory=dict)


class SqliteBridge:
    """What the bridge reads, and what it remembers. Nothing is counted before `load`."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        clock: Clock,
        outbox: SqliteEventOutbox,
        epoch: Epoch,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._outbox = outbox
        self._epoch = epoch
        self._bell = Bell()
        self._newest = 0
        writer.on_commit(Statement.EVENT_ADD, self._committed)

    def _committed(self, written: Written) -> None:
        self._newest += len(written.rows)
        self._bell.ring()

    async def load(self) -> Bridged:
        """What was remembered last; from now on nothing is pruned before it was taken.

        Raises StoreUnavailable.
        """
        found = await self._reader.row(POSITION, RELAY)
        if found is None:
            await self.move(0, {})
        streams = {row[0]: (row[1], row[2]) for row in await self._reader.rows(STREAMS)}
        ((newest,),) = await self._reader.rows(NEWEST)
        self._newest = max(self._newest, newest)
        return Bridged(found[0] if found is not None else 0, streams)

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events that are kept with `seq > after`, in order. Raises StoreUnavailable."""
        self._bell.silence()
        rows = await self._outbox.history(after, limit)
        if len(rows) < limit:
            self._newest = rows[-1].seq if rows else after
        return rows

    async def changed(self) -> None:
        """Return when events may have come since the last `read`."""
        await self._bell.heard()

    async def move(self, position: int, streams: Mapping[int, tuple[str, int]]) -> None:
        """Remember how far the bridge is, which may be back, and these streams, by partition.

        Raises StoreUnavailable.
        """
        moved = (RELAY, position, to_micros(self._clock()))
        rows: list[Row] = [(Statement.RELAY_PUT, moved)]
        for partition, (last_id, seq) in streams.items():
            rows.append((Statement.STREAM_PUT, (partition, last_id, seq)))
        await self._writer.submit(rows, 0)

    async def find(self, user_id: UserId, sequence: int, event_id: str) -> int | None:
        """The `seq` of an event; None for one that is not kept. Raises StoreUnavailable."""
        found = await self._reader.row(FIND, user_id, sequence, event_id)
        return int(found[0]) if found is not None else None

    async def outrank(self, epoch: int) -> None:
        """Have all events that are kept, and all to come, be of an epoch above this one.

        What was numbered meanwhile is written between the two writes, so it is renumbered as well.
        Raises StoreUnavailable.
        """
        if epoch >= self._epoch.value:
            await self._epoch.raise_above(epoch, self._writer)
        await self._writer.write((Statement.EVENTS_EPOCH, (self._epoch.value,)))

    async def oldest(self, after: int) -> Instant | None:
        """When the first event after `after` was committed. Raises StoreUnavailable."""
        found = await self._reader.row(OLDEST, after)
        return from_micros(found[0]) if found is not None else None

    def waiting(self, position: int) -> int:
        """About how many events came after `position`; once all are read, none."""
        return max(0, self._newest - position)
