"""SqliteInbox: updates that are durable before they are acknowledged.

`seq` is given here, in the order of arrival, so that a new update needs no reading back: an update
id above all that were ever seen is new for certain. Only the others (a redelivery, two webhook
requests that overtook each other) are looked up, behind everything that was queued before them.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from yabot import faults
from yabot.domain.values import UserId
from yabot.errors import YabotError
from yabot.stores.moments import to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row, Written
from yabot.stores.writer import Writer
from yabot.users.ports import Arrival, Clock, Mail

COLUMNS = "seq, user_id, bot_id, update_id, body, attempts"

OF_USER = f"""
    SELECT {COLUMNS} FROM inbox
    WHERE user_id = ? AND seq > ? AND processed_at IS NULL ORDER BY seq LIMIT ?"""  # noqa: S608

# Marks outnumber waiting rows by far, and the waiting ones are the newest: the first of them is
# found in the index of waiting rows, and the table is read in its own order from there.
FIRST_WAITING = "SELECT min(seq) FROM inbox INDEXED BY inbox_waiting WHERE processed_at IS NULL"
WAITING = f"""
    SELECT {COLUMNS} FROM inbox NOT INDEXED
    WHERE seq > ? AND processed_at IS NULL ORDER BY seq LIMIT ?"""  # noqa: S608

COUNT_WAITING = "SELECT count(*) FROM inbox INDEXED BY inbox_waiting WHERE processed_at IS NULL"
NEWEST_SEQ = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'inbox'"
# Steps from bot to bot in the index instead of reading all of it.
NEWEST_UPDATES = """
    WITH RECURSIVE bots (id) AS (
        SELECT min(bot_id) FROM inbox
        UNION ALL
        SELECT (SELECT min(bot_id) FROM inbox WHERE bot_id > id) FROM bots WHERE id IS NOT NULL
    )
    SELECT id, (SELECT max(update_id) FROM inbox WHERE bot_id = id)
    FROM bots WHERE id IS NOT NULL"""
KNOWN = """
    SELECT update_id FROM inbox
    WHERE bot_id = ? AND update_id IN (SELECT value FROM json_each(?))"""


class SqliteInbox:
    """The inbox, as `Inbox` says. One per database."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._seq = 0
        self._newest: dict[int, int] = {}
        self._backlog = 0
        self._looking_up = asyncio.Lock()
        writer.on_commit(Statement.INBOX_MARK, self._processed)

    async def open(self) -> None:
        """Learn what is there. Call it once, before `accept`."""
        self._seq = (await self._reader.rows(NEWEST_SEQ))[0][0]
        self._newest = dict(await self._reader.rows(NEWEST_UPDATES))
        self._backlog = (await self._reader.rows(COUNT_WAITING))[0][0]

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        """Make updates durable and return the new ones in order, as `Inbox.accept` says.

        A caller that is cancelled loses the new ones until the next start hands them out.
        """
        newest = [self._is_newest(arrival) for arrival in arrivals]
        if all(newest):
            return await self._write(arrivals)
        async with self._looking_up:
            await self._writer.fence()
            return await self._write(await self._without_known(arrivals))

    async def _without_known(self, arrivals: Sequence[Arrival]) -> Sequence[Arrival]:
        """The arrivals that are not in the inbox, each once."""
        first: dict[tuple[int, int], Arrival] = {}
        for arrival in arrivals:
            first.setdefault((arrival.bot_id, arrival.update_id), arrival)
        for bot_id in {arrival.bot_id for arrival in arrivals}:
            ids = orjson.dumps([update_id for bot, update_id in first if bot == bot_id]).decode()
            for (update_id,) in await self._reader.rows(KNOWN, bot_id, ids):
                del first[bot_id, update_id]
        return list(first.values())

    async def _write(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        if not arrivals:
            return []
        at = to_micros(self._clock())
        mails: list[Mail] = []
        rows: list[Row] = []
        for arrival in arrivals:
            self._seq += 1
            mails.append(_mail(self._seq, arrival))
            rows.append((Statement.INBOX_ADD, (self._seq, *_row(arrival), at)))
        self._backlog += len(mails)
        try:
            await self._writer.submit(rows, sum(len(arrival.body) for arrival in arrivals))
        except YabotError:
            self._backlog -= len(mails)
            raise
        faults.reach("after_inbox_write")
        return mails

    async def read(self, user_id: UserId, after: int, limit: int) -> Sequence[Mail]:
        """The user's unprocessed updates, as `Inbox.read` says."""
        return [_stored(*row) for row in await self._reader.rows(OF_USER, user_id, after, limit)]

    async def leftovers(self, after: int, limit: int) -> Sequence[Mail]:
        """Unprocessed updates of all users, as `Inbox.leftovers` says."""
        if after == 0:
            first = (await self._reader.rows(FIRST_WAITING))[0][0]
            if first is None:
                return []
            after = first - 1
        rows = await self._reader.rows(WAITING, after, limit)
        return [_stored(*row) for row in rows]

    async def take_back(self, arrival: Arrival, *also: Row) -> Mail:
        """Let an update that was marked as processed come once more, as the newest of all.

        `also` is written with it. Raises StoreUnavailable.
        """
        self._seq += 1
        at = to_micros(self._clock())
        await self._writer.write(
            (Statement.INBOX_FORGET, (arrival.bot_id, arrival.update_id)),
            (Statement.INBOX_ADD, (self._seq, *_row(arrival), at)),
            *also,
            size=len(arrival.body),
        )
        self._backlog += 1
        return _mail(self._seq, arrival)

    async def stamp(self, seq: int) -> None:
        """Count one more attempt of an update, durably, before it is run alone."""
        await self._writer.write((Statement.INBOX_STAMP, (seq,)))

    def backlog(self) -> int:
        """How many updates are durable and not yet processed; those being written are counted."""
        return max(0, self._backlog)

    def _processed(self, written: Written) -> None:
        self._backlog -= len(written.rows)

    def _is_newest(self, arrival: Arrival) -> bool:
        """Whether the update's id is above all that this bot's updates ever had."""
        newest = self._newest.get(arrival.bot_id)
        if newest is not None and arrival.update_id <= newest:
            return False
        self._newest[arrival.bot_id] = arrival.update_id
        return True


def _mail(seq: int, arrival: Arrival) -> Mail:
    return Mail(seq, arrival.user_id, arrival.bot_id, arrival.update_id, arrival.update)


def _row(arrival: Arrival) -> tuple[object, ...]:
    return arrival.bot_id, arrival.update_id, arrival.user_id, arrival.body.decode()


def _stored(
    seq: int, user_id: UserId, bot_id: int, update_id: int, body: str, attempts: int
) -> Mail:
    update: dict[str, Any] = orjson.loads(body)
    return Mail(seq, user_id, bot_id, update_id, update, attempts)
