"""SqliteReplyOutbox: the Bot API calls that commits left for Telegram."""

from collections.abc import Sequence

import orjson

from yabot.domain.commands import MarkInactive
from yabot.domain.values import UserId
from yabot.stores.bell import Bell
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.tail import StoredRow, Tail
from yabot.stores.transaction import Row, Written
from yabot.stores.writer import Writer
from yabot.users.ports import Call, Clock, QueuedCall

READ = """
    SELECT seq, id, user_id, lane, method, params, created_at FROM outbox_replies
    WHERE seq > ? ORDER BY seq LIMIT ?"""
REAL_ID = "SELECT message_id FROM sent_messages WHERE provisional = ?"

ERROR_CHARACTERS = 200
"""How much of Telegram's error a MarkInactive carries."""


class SqliteReplyOutbox:
    """The replies outbox, as `ReplyOutbox` says. One relay reads it."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._bell = Bell()
        self._tail = Tail(_weight)
        writer.on_commit(Statement.REPLY_ADD, self._committed)

    def _committed(self, written: Written) -> None:
        if written.last is None:
            self._tail.lose()
        else:
            first = written.last - len(written.rows) + 1
            self._tail.extend([(seq, *row) for seq, row in enumerate(written.rows, first)])
        self._bell.ring()

    async def read(self, after: int, limit: int) -> Sequence[QueuedCall]:
        """Rows with `seq > after`, in order. Raises StoreUnavailable."""
        self._bell.silence()
        rows = self._tail.take(after, limit)
        if rows is None:
            rows = await self._reader.rows(READ, after, limit)
        return [_queued(*row) for row in rows]

    async def changed(self) -> None:
        """Return when rows may have come since the last `read`."""
        await self._bell.heard()

    async def sent(self, row: QueuedCall, message_id: int | None) -> None:
        """Remove a row that Telegram accepted, as `ReplyOutbox.sent` says."""
        rows: list[Row] = [(Statement.REPLY_REMOVE, (row.seq,))]
        if message_id is not None:
            now = to_micros(self._clock())
            rows.append((Statement.MESSAGE_SENT, (-row.call.id, message_id, now)))
        await self._writer.submit(rows, 0)

    async def refused(self, row: QueuedCall, error: str, *, unreachable: bool) -> None:
        """Move a row to the dead letters, as `ReplyOutbox.refused` says."""
        now = to_micros(self._clock())
        call = row.call
        body = b'{"lane":%s,"method":%s,"params":%s}' % (
            orjson.dumps(call.lane),
            orjson.dumps(call.method),
            call.params,
        )
        letter = (f"call:{call.id}", row.user_id, error, body.decode(), now)
        rows: list[Row] = [
            (Statement.REPLY_REMOVE, (row.seq,)),
            (Statement.REPLY_LETTER_ADD, letter),
        ]
        if unreachable:
            command = MarkInactive(reason=error[:ERROR_CHARACTERS]).model_dump_json()
            key = f"unreachable:{call.id}"
            rows.append((Statement.UNREACHABLE_ADD, (row.user_id, now, command, key)))
        await self._writer.submit(rows, len(call.params))

    async def real_message_id(self, provisional: int) -> int | None:
        """Telegram's id of a recorded message, as `ReplyOutbox.real_message_id` says."""
        row = await self._reader.row(REAL_ID, provisional)
        return int(row[0]) if row is not None else None

    async def waiting(self) -> int:
        """How many calls have not left yet. Raises StoreUnavailable."""
        return int((await self._reader.rows("SELECT count(*) FROM outbox_replies"))[0][0])


def _weight(row: StoredRow) -> int:
    *_, params, _ = row
    return len(params)


def _queued(
    seq: int, id_: int, user_id: UserId, lane: str, method: str, params: str, at: int
) -> QueuedCall:
    return QueuedCall(seq, user_id, Call(id_, lane, method, params.encode()), from_micros(at))
