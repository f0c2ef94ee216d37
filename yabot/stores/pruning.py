"""Pruning: rows that have served their time are removed, a slice at a time.

The tables grow at one end, so a slice is a range of their keys and pruning needs no index on time.
A slice waits for a moment in which nobody else writes, but not for long: rows must not come faster
than they go. The rule: no slice holds the writer up, and nothing that still waits is removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import anyio
import structlog

from actors import Actor
from yabot.domain.values import Instant
from yabot.errors import StoreUnavailable
from yabot.stores.known_keys import KnownKeys
from yabot.stores.moments import to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer
from yabot.users.ports import Clock

SLICE = 500
"""Rows looked at and removed at a time."""

PAUSE = 0.01
"""Seconds between two slices."""

PATIENCE = 0.05
"""Seconds that a slice waits for an idle writer: ten thousand rows a second go at least."""

EVERY = 600.0
"""Seconds between two rounds."""

REMEMBERED = timedelta(hours=48)
"""How long marks, keys and message ids are kept: longer than Telegram repeats an update."""

MOST_EVENTS = 1_000_000
"""Events in safe hands that are kept at most, whatever the retention. One that a relay has yet to
take is kept as long as that relay has been seen within the retention."""

MOST_DEAD_LETTERS = 100_000
"""The newest dead letters, which are kept; the log says how many older ones went. A user's document
leaves one at most, and it stays."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Prunable:
    """A table whose rows age along their key. `sign` is -1 where keys fall as time goes on."""

    table: str
    key: str
    at: str
    statement: Statement
    sign: int = 1

    @property
    def slice(self) -> str:
        """The query for the next slice: its lowest and highest key, the time of its newest row."""
        beyond, order = (">", "") if self.sign > 0 else ("<", " DESC")
        return (
            f"SELECT min(k), max(k), max(t) FROM (SELECT {self.key} AS k, {self.at} AS t "  # noqa: S608
            f"FROM {self.table} WHERE {self.key} {beyond} ? "
            f"ORDER BY {self.key}{order} LIMIT {SLICE})"
        )


INBOX = Prunable("inbox", "seq", "received_at", Statement.PRUNE_INBOX)
KEYS = Prunable("processed_keys", "id", "at", Statement.PRUNE_KEYS)
MESSAGES = Prunable("sent_messages", "provisional", "at", Statement.PRUNE_MESSAGES, sign=-1)
EVENTS = Prunable("outbox_events", "seq", "at", Statement.PRUNE_EVENTS)

FORGOTTEN = """
    SELECT seq, user_id, sequence FROM outbox_events gone
    WHERE name = 'user_deleted' AND seq > ?1 AND EXISTS (
        SELECT 1 FROM outbox_events WHERE user_id = gone.user_id AND sequence < gone.sequence
            AND seq <= coalesce((SELECT min(position) FROM relays WHERE seen_at >= ?2), seq))
    ORDER BY seq LIMIT ?3"""

EVENTS_SPAN = """
    SELECT (SELECT min(seq) FROM outbox_events), (SELECT max(seq) FROM outbox_events)"""

OLD_DEAD_LETTERS = """
    SELECT min(id), max(id), count(*) FROM (
        SELECT id FROM dead_letters
        WHERE id <= (SELECT max(id) FROM dead_letters) - ? AND kind <> 'document'
        ORDER BY id LIMIT ?)"""


class Pruning:
    """Removes what is older than its time. `event_retention` is in seconds."""

    def __init__(self, writer: Writer, reader: Reader, *, event_retention: float) -> None:
        self._writer = writer
        self._reader = reader
        self._kept = {
            INBOX: REMEMBERED,
            KEYS: REMEMBERED,
            MESSAGES: REMEMBERED,
            EVENTS: timedelta(seconds=event_retention),
        }

    async def prune(self, now: Instant) -> Mapping[str, int]:
        """Do one round and return how many slices of each table were looked at.

        Raises StoreUnavailable.
        """
        slices = {
            table.table: await self._prune(table, to_micros(now - kept))
            for table, kept in self._kept.items()
        }
        await self._forget(to_micros(now - self._kept[EVENTS]))
        await self._trim_events(to_micros(now - self._kept[EVENTS]))
        await self._trim_dead_letters()
        return slices

    async def _prune(self, table: Prunable, before: int) -> int:
        position, slices = 0, 0
        while True:
            lowest, highest, newest = (await self._reader.rows(table.slice, position))[0]
            if lowest is None:
                return slices
            await self._remove((table.statement, (lowest, highest, before)))
            slices += 1
            if newest >= before:
                return slices
            position = highest if table.sign > 0 else lowest

    async def _forget(self, seen_since: int) -> None:
        """Remove what was told of users before they were deleted, once every relay has taken it.

        That they were deleted stays for the retention, like any event.
        """
        position = 0
        while rows := await self._reader.rows(FORGOTTEN, position, seen_since, SLICE):
            for _, user_id, sequence in rows:
                erased = (Statement.PRUNE_FORGOTTEN, (user_id, sequence, seen_since))
                await self._remove(erased)
            position = rows[-1][0]

    async def _trim_events(self, seen_since: int) -> None:
        lowest, highest = (await self._reader.rows(EVENTS_SPAN))[0]
        if lowest is None:
            return
        for first in range(lowest, highest - MOST_EVENTS, SLICE):
            last = min(first + SLICE - 1, highest - MOST_EVENTS)
            await self._remove((Statement.TRIM_EVENTS, (first, last, seen_since)))

    async def _trim_dead_letters(self) -> None:
        removed = 0
        while True:
            rows = await self._reader.rows(OLD_DEAD_LETTERS, MOST_DEAD_LETTERS, SLICE)
            ((first, last, number),) = rows
            if not number:
                break
            await self._remove((Statement.TRIM_DEAD_LETTERS, (first, last)))
            removed += number
        if removed:
            log.warning("pruning.dead_letters_removed", number=removed, kept=MOST_DEAD_LETTERS)

    async def _remove(self, slice_: Row) -> None:
        """Write one slice when nobody else does, or when that has not come for a while."""
        await anyio.sleep(PAUSE)
        with anyio.move_on_after(PATIENCE):
            while self._writer.busy:
                await anyio.sleep(PAUSE)
        await self._writer.write(slice_)


class Pruner(Actor[object]):
    """Prunes every ten minutes, and sees to it that keys are known."""

    def __init__(self, pruning: Pruning, keys: KnownKeys, clock: Clock) -> None:
        self._pruning = pruning
        self._keys = keys
        self._clock = clock

    async def run(self) -> None:
        """Prune, wait, repeat; a database that is away is left alone until the next round."""
        while True:
            try:
                await self._keys.refresh()
                await self._pruning.prune(self._clock())
            except StoreUnavailable as error:
                log.warning("pruning.skipped", error=str(error))
            await anyio.sleep(EVERY)
