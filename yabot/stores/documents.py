"""SqliteDocumentOutbox: the documents that a server of copies does not have yet.

A document stays in its row and only the newest version counts, so this outbox is a line of users
in memory (`Ahead`). The rule: the table is the truth. Whoever is not in the line (after a start, or
when too many were) is found by looking through the table, a slice at a time; a *resync* looks at
every row.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from yabot.domain.values import Instant, UserId
from yabot.stores.ahead import Ahead
from yabot.stores.bell import Bell
from yabot.stores.dead_letters import StoredLetter
from yabot.stores.deliveries import Deliveries
from yabot.stores.epoch import Epoch
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.mongo.ports import DocumentVersion, Refused
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row, Written
from yabot.stores.writer import Writer
from yabot.users.ports import Clock

SLICE = 1_000
"""Rows of the table that are looked at in one query."""

SHORT_LINE = 5_000
"""Users in line below which the table is looked through further."""

PAGE = 50
BATCH_BYTES = 256_000
"""Documents read in one query, and the size at which a batch ends: shaping one holds the event loop
for a few milliseconds."""

LAST_ROW = "SELECT coalesce(max(rowid), 0) FROM user_documents"
BEHIND = """
    SELECT user_id, version FROM user_documents WHERE rowid > ? AND rowid <= ?
        AND version > max(applied_version, parked_version)"""
EVERYBODY = """
    SELECT user_id, version FROM user_documents WHERE rowid > ? AND rowid <= ?
        AND version > parked_version"""
DOCUMENTS = """
    SELECT user_id, version, document, deleted_at,
        CASE WHEN json_valid(document) THEN json_extract(document, '$.updated_at') END,
        parked_version
    FROM user_documents WHERE user_id IN (SELECT value FROM json_each(?))"""


@dataclass(frozen=True, slots=True)
class QueuedDocument:
    """A document that is ahead; `seq` is its place in line. `parked`: a former one was refused."""

    seq: int
    document: DocumentVersion
    parked: bool


@dataclass(slots=True)
class Scan:
    """A look through the table: rows up to `at` are seen, the rest up to `to` is not.

    `since` is from when on it was called for, in seconds.
    """

    to: int
    everybody: bool
    since: float
    at: int = 0


class SqliteDocumentOutbox:
    """The documents outbox. One relay reads it; before `open` it keeps and costs nothing."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock, epoch: Epoch) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._epoch = epoch
        self._bell = Bell()
        self._ahead = Ahead()
        self._ahead.miss(time.monotonic())
        self._scan: Scan | None = None
        self._resync_ends = 0
        self._handed = 0
        self.deliveries = Deliveries(writer, reader, epoch)

    async def open(self) -> None:
        """Listen to commits from now on. Raises StoreUnavailable."""
        await self.deliveries.open()
        for statement in (Statement.DOCUMENT_PUT, Statement.ERASE_DOCUMENT):
            self._writer.on_commit(statement, self._committed)

    def _committed(self, written: Written) -> None:
        versions = [(row[0], row[2]) for row in written.rows]
        self._ahead.note(versions, time.monotonic())
        self._bell.ring()

    def waiting(self) -> int:
        """How many documents are ahead; a table that is to be looked through counts as one."""
        if self._scan is not None and self._scan.everybody:
            return len(self._ahead) + self._scan.to - self._scan.at
        return len(self._ahead) + (self._ahead.missed or self._scan is not None)

    def lag(self) -> float:
        """For how many seconds the oldest of them has waited, as far as this process knows."""
        now = time.monotonic()
        first, scan = self._ahead.first, self._scan
        waiting = (
            self._ahead.missed_since,
            first.since if first is not None else None,
            scan.since if scan is not None else None,
        )
        return now - min((since for since in waiting if since is not None), default=now)

    async def read(self, after: int, limit: int) -> Sequence[QueuedDocument]:
        """Documents with `seq > after`, newest version each, in line. Raises StoreUnavailable."""
        self._bell.silence()
        if self._ahead.missed and self._scan is None and len(self._ahead) < SHORT_LINE:
            await self._look_through(everybody=False)
        while self._scan is not None and self._may_scan():
            await self._look_on(self._scan)
        found: list[QueuedDocument] = []
        size = 0
        places = self._ahead.beyond(after, limit)
        for first in range(0, len(places), PAGE):
            if size >= BATCH_BYTES:
                break
            page = dict(places[first : first + PAGE])
            documents = await self._documents(page)
            found += documents
            size += sum(len(row.document.body or b"") for row in documents)
            self._handed = places[min(first + PAGE, len(places)) - 1][1]
        return found

    def _may_scan(self) -> bool:
        return len(self._ahead) < SHORT_LINE and self._ahead.room >= SLICE

    async def _documents(self, page: dict[UserId, int]) -> list[QueuedDocument]:
        ids = orjson.dumps(list(page)).decode()
        rows = {row[0]: row for row in await self._reader.rows(DOCUMENTS, ids)}
        return [self._queued(seq, *rows[user_id]) for user_id, seq in page.items()]

    def _queued(
        self,
        seq: int,
        user_id: UserId,
        version: int,
        document: str | None,
        deleted_at: int | None,
        updated_at: object,
        parked: int,
    ) -> QueuedDocument:
        if document is None:
            body, at = None, from_micros(deleted_at or 0)
        else:
            body, at = document.encode(), _moment(updated_at)
        made = DocumentVersion(user_id, self._epoch.value, version, body, at)
        return QueuedDocument(seq, made, parked > 0)

    async def changed(self) -> None:
        """Return when documents may have come since the last `read`."""
        if not self._has_more():
            await self._bell.heard()

    def _has_more(self) -> bool:
        more = self._ahead.missed or self._scan is not None or self._ahead.last > self._handed
        return more or self.is_resynced()

    async def _look_through(self, *, everybody: bool) -> None:
        ((last,),) = await self._reader.rows(LAST_ROW)
        self._scan = Scan(last, everybody, self._ahead.look(time.monotonic()))

    async def _look_on(self, scan: Scan) -> None:
        upto = min(scan.at + SLICE, scan.to)
        sql = EVERYBODY if scan.everybody else BEHIND
        rows = await self._reader.rows(sql, scan.at, upto) if scan.at < upto else []
        self._ahead.note(rows, scan.since)
        scan.at = upto
        if upto >= scan.to:
            self._scan = None
            if scan.everybody:
                self._resync_ends = self._ahead.last

    async def resync(self) -> None:
        """Bring every document of every user again. Raises StoreUnavailable."""
        self.deliveries.begin_resync()
        await self._look_through(everybody=True)
        self._bell.ring()

    def is_resynced(self) -> bool:
        """Whether a resync has brought everything and only its last mark is to be left."""
        scanned = self._scan is None or not self._scan.everybody
        first = self._ahead.first
        brought = first is None or first.seq > self._resync_ends
        return self.deliveries.resyncing and scanned and brought

    async def settle(
        self, rows: Sequence[QueuedDocument], refused: Sequence[Refused], *, marked: bool
    ) -> None:
        """The server has these documents, or refused them for good; `marked`: the next mark too.

        What was refused becomes the user's dead letter. Raises StoreUnavailable.
        """
        errors = {one.user_id: one.error for one in refused}
        made: list[Row] = []
        for row in rows:
            error = errors.get(row.document.user_id)
            made += self._applied(row) if error is None else self._parked(row.document, error)
        if marked:
            await self.deliveries.delivered(made)
        else:
            await self._writer.submit(made, 0)
        now = time.monotonic()
        for row in rows:
            self._ahead.settle(row.document.user_id, row.document.version, now)

    async def replay(self, letter: StoredLetter, *also: Row) -> None:
        """Try a document that was refused once more, and forget its letter.

        `also` is written with it. Raises StoreUnavailable.
        """
        unpark = (Statement.DOCUMENT_UNPARK, (letter.letter.user_id,))
        await self._writer.write(unpark, (Statement.DEAD_LETTER_REMOVE, (letter.id,)), *also)
        self._ahead.miss(time.monotonic())
        self._bell.ring()

    def _applied(self, row: QueuedDocument) -> list[Row]:
        document = row.document
        made: list[Row] = [(Statement.DOCUMENT_APPLIED, (document.version, document.user_id))]
        if row.parked:
            made.append((Statement.DOCUMENT_LETTER_REMOVE, (document.user_id,)))
        return made

    def _parked(self, document: DocumentVersion, error: str) -> list[Row]:
        body = {"version": document.version, "bytes": len(document.body or b"")}
        letter = (
            f"document:{document.user_id}",
            document.user_id,
            error,
            orjson.dumps(body).decode(),
            to_micros(self._clock()),
            document.version,
        )
        return [
            (Statement.DOCUMENT_PARK, (document.version, document.user_id)),
            (Statement.DOCUMENT_LETTER_REMOVE, (document.user_id,)),
            (Statement.DOCUMENT_LETTER_ADD, letter),
        ]


def _moment(text: object) -> Instant:
    """When a document was changed; 1970 for one that does not say, which no server takes."""
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return from_micros(0)
