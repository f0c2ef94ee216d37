"""SqliteEventOutbox: events in the order of their commits, kept until every relay has taken them.

Events stay for a retention, so that a reader that lost everything can be filled again. What a relay
has done is one number, its position, and not a mark on every row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from yabot.domain.values import Instant, UserId
from yabot.errors import StoreUnavailable
from yabot.stores.bell import Bell
from yabot.stores.epoch import Epoch
from yabot.stores.event_ids import event_ids
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row, Written
from yabot.stores.writer import Writer
from yabot.users.ports import Clock, DeadLetter

SYSTEM = "system"
"""The stream of events that belong to no user."""

COLUMNS = (
    "seq, event_id, name, version, user_id, epoch, sequence, "
    "correlation_id, causation_id, traceparent, at, payload"
)
AFTER = f"SELECT {COLUMNS} FROM outbox_events WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
WAITING = f"""
    SELECT {COLUMNS} FROM outbox_events
    WHERE seq > max(?, coalesce((SELECT position FROM relays WHERE name = ?), 0))
    ORDER BY seq LIMIT ?"""  # noqa: S608
LAG = """
    SELECT coalesce((SELECT max(seq) FROM outbox_events), 0)
        - coalesce((SELECT position FROM relays WHERE name = ?), 0)"""

MISSED = """
    SELECT position + 1, (SELECT coalesce(min(seq),
        1 + (SELECT seq FROM sqlite_sequence WHERE name = 'outbox_events')) FROM outbox_events) - 1
    FROM relays WHERE name = ?"""
ATTEMPTS = "SELECT attempts FROM relays WHERE name = ?"
RETURNED = """
    SELECT id, body FROM dead_letters INDEXED BY dead_letters_returned
    WHERE kind = 'event' AND key > ? || ':' AND key < ? || ';' AND returned_at IS NOT NULL
    ORDER BY id LIMIT 100"""


@dataclass(frozen=True, slots=True)
class ReturnedEvent:
    """A dead letter that is to be tried again. `body` is the event's envelope."""

    id: int
    body: bytes


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event as it was committed. `sequence` is gapless per user.

    `payload` is a JSON object in the shape of `version`.
    """

    seq: int
    event_id: str
    name: str
    version: int
    user_id: UserId
    epoch: int
    sequence: int
    correlation_id: str
    causation_id: str
    traceparent: str
    at: Instant
    payload: bytes


class SqliteEventOutbox:
    """The events outbox: anybody publishes, each relay has a feed of its own."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, *, epoch: Epoch) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._epoch = epoch
        self._event_ids = event_ids()
        self._feeds: dict[str, SqliteEventFeed] = {}

    async def publish(
        self,
        name: str,
        payload: bytes,
        *,
        version: int = 1,
        correlation_id: str = "",
        causation_id: str = "",
        traceparent: str = "",
    ) -> str:
        """Commit one event on the system's stream and return its id; `payload` is a JSON object.

        An event without a correlation begins a chain of its own. Raises StoreUnavailable.
        """
        event_id = next(self._event_ids)
        at = to_micros(self._clock())
        body = payload.decode()
        causes = (correlation_id or event_id, causation_id, traceparent)
        row = (event_id, SYSTEM, self._epoch.value, name, version, *causes, body, at)
        await self._writer.submit([(Statement.EVENT_ADD, row)], len(payload))
        return event_id

    async def history(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """All events that are kept with `seq > after`, in order. Raises StoreUnavailable."""
        return [queued(*row) for row in await self._reader.rows(AFTER, after, limit)]

    def feed(self, relay: str) -> "SqliteEventFeed":
        """What the relay of that name has yet to take, now and after every restart."""
        if relay not in self._feeds:
            feed = SqliteEventFeed(relay, self._writer, self._reader, self._clock)
            self._feeds[relay] = feed
        return self._feeds[relay]


class SqliteEventFeed:
    """The events outbox as one relay sees it. A new relay begins with all that is kept."""

    def __init__(self, relay: str, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._relay = relay
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._bell = Bell()
        self._may_have_returned = True
        writer.on_commit(Statement.EVENT_ADD, self._bell.ring)
        writer.on_commit(Statement.DEAD_LETTER_RETURN, self._returned)

    async def read(self, after: int, limit: int) -> Sequence[QueuedEvent]:
        """Events with `seq > after` that this relay has yet to take, in order."""
        self._bell.silence()
        rows = await self._reader.rows(WAITING, after, self._relay, limit)
        return [queued(*row) for row in rows]

    async def changed(self) -> None:
        """Return when events may have come since the last `read`."""
        await self._bell.heard()

    async def taken(self, seq: int, dead_letters: Sequence[DeadLetter] = ()) -> None:
        """Everything up to `seq` is in safe hands, or in these dead letters."""
        at = to_micros(self._clock())
        rows: list[Row] = [(Statement.RELAY_MOVE, (self._relay, seq, at))]
        for letter in dead_letters:
            body = letter.body.decode()
            row = (letter.kind, letter.key, letter.user_id, letter.error, body, at)
            rows.append((Statement.DEAD_LETTER_ADD, row))
        await self._writer.submit(rows, sum(len(letter.body) for letter in dead_letters))

    async def lag(self) -> int:
        """About how many events wait for this relay. Raises StoreUnavailable."""
        return int((await self._reader.rows(LAG, self._relay))[0][0])

    async def attempts(self) -> int:
        """Deaths that the next event may have caused, as `EventFeed.attempts` says."""
        row = await self._reader.row(ATTEMPTS, self._relay)
        if row is not None:
            return int(row[0])
        await self._writer.write((Statement.RELAY_JOIN, (self._relay, to_micros(self._clock()))))
        return 0

    async def stamp(self) -> None:
        """Count one more attempt, as `EventFeed.stamp` says."""
        await self._writer.write((Statement.RELAY_STAMP, (self._relay,)))

    async def missed(self) -> tuple[int, int] | None:
        """What was pruned before this relay took it, as `EventFeed.missed` says."""
        row = await self._reader.row(MISSED, self._relay)
        if row is None or row[1] is None or row[0] > row[1]:
            return None
        first, last = row
        at = to_micros(self._clock())
        await self._writer.write(
            (Statement.EVENT_GAP_ADD, (self._relay, first, last, at)),
            (Statement.RELAY_MOVE, (self._relay, last, at)),
        )
        return first, last

    async def returned(self) -> Sequence[ReturnedEvent]:
        """Dead letters that are to be tried again, as `EventFeed.returned` says."""
        if not self._may_have_returned:
            return ()
        self._may_have_returned = False
        try:
            rows = await self._reader.rows(RETURNED, self._relay, self._relay)
        except StoreUnavailable:
            self._may_have_returned = True
            raise
        self._may_have_returned |= bool(rows)
        return [ReturnedEvent(id_, body.encode()) for id_, body in rows]

    async def tried(self, letter_id: int, error: str | None) -> None:
        """Forget a letter or keep it, as `EventFeed.tried` says."""
        if error is None:
            await self._writer.write((Statement.DEAD_LETTER_REMOVE, (letter_id,)))
            return
        row = (error, to_micros(self._clock()), letter_id)
        await self._writer.write((Statement.DEAD_LETTER_KEEP, row))

    def _returned(self, _: Written) -> None:
        self._may_have_returned = True
        self._bell.ring()


def queued(
    seq: int,
    event_id: str,
    name: str,
    version: int,
    user_id: UserId,
    epoch: int,
    sequence: int,
    correlation_id: str,
    causation_id: str,
    traceparent: str,
    at: int,
    payload: str,
) -> QueuedEvent:
    return QueuedEvent(
        seq,
        event_id,
        name,
        version,
        user_id,
        epoch,
        sequence,
        correlation_id,
        causation_id,
        traceparent,
        from_micros(at),
        payload.encode(),
    )
