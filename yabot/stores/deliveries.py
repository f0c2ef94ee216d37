"""What this database knows of the server that holds copies of its documents.

The rule: it learns of a delivery only after the server has acknowledged its mark, so what is known
here is never more than what is there.
"""

from collections.abc import Sequence

from yabot.stores.epoch import Epoch
from yabot.stores.mongo.marks import following
from yabot.stores.mongo.ports import Mark
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer

STATE = """
    SELECT m.database_id, r.delivery, r.inherits, r.content,
        EXISTS (SELECT 1 FROM user_documents) FROM meta m, document_relay r"""


class Deliveries:
    """The marks that this database leaves, and what it has learnt from the one it found.

    `inherits` says whether the server holds users that this database does not know; None while that
    is to be found out. A database that has users of its own starts with False. `content` is the
    fingerprint of the story and the items that the server has.
    """

    def __init__(self, writer: Writer, reader: Reader, epoch: Epoch) -> None:
        self._writer = writer
        self._reader = reader
        self._epoch = epoch
        self._database_id = ""
        self._delivery = 0
        self._resync = 0
        self.inherits: bool | None = None
        self.content = ""

    async def open(self) -> None:
        """Read what is durable. Raises StoreUnavailable."""
        (row,) = await self._reader.rows(STATE)
        self._database_id, self._delivery, inherits, self.content, has_users = row
        if inherits is not None or has_users:
            self.inherits = bool(inherits)

    @property
    def resyncing(self) -> bool:
        """Whether a resync goes on."""
        return self._resync < 0

    @property
    def mark(self) -> Mark:
        """The last mark that the server has acknowledged; its count is below 0 in a resync."""
        return Mark(self._database_id, self._epoch.value, self._resync or self._delivery)

    @property
    def next_mark(self) -> Mark:
        """The mark to leave with the next batch."""
        return following(self.mark)

    @property
    def last_mark(self) -> Mark:
        """The mark to leave when a resync has ended."""
        return Mark(self._database_id, self._epoch.value, self._delivery + 1)

    async def delivered(self, rows: Sequence[Row]) -> None:
        """The next mark is there: remember it, together with `rows`. Raises StoreUnavailable."""
        mark = self.next_mark
        if self.resyncing:
            await self._writer.submit(rows, 0)
            self._resync = mark.delivery
        else:
            count: Row = (Statement.DOCUMENTS_DELIVERED, (mark.delivery,))
            await self._writer.submit([*rows, count], 0)
            self._delivery = mark.delivery

    def begin_resync(self) -> None:
        """From here on marks count down, from the one that is left now."""
        self._resync = -1

    async def end_resync(self) -> None:
        """The last mark is there. Raises StoreUnavailable."""
        delivery = self.last_mark.delivery
        await self._writer.write((Statement.DOCUMENTS_DELIVERED, (delivery,)))
        self._delivery, self._resync = delivery, 0

    async def learn(self, *, inherits: bool) -> None:
        """Remember what the server's mark said of others' users. Raises StoreUnavailable."""
        await self._writer.write((Statement.DOCUMENTS_INHERIT, (inherits,)))
        self.inherits = bool(self.inherits) or inherits

    async def overtake(self, other: Mark) -> None:
        """Raise our epoch beyond another's mark, durably. Raises StoreUnavailable."""
        row: Row = (Statement.DOCUMENTS_INHERIT, (True,))
        await self._epoch.raise_above(other.epoch, self._writer, row)
        self.inherits = True

    async def put_content(self, fingerprint: str) -> None:
        """Remember the content that the server has. Raises StoreUnavailable."""
        await self._writer.write((Statement.CONTENT_DELIVERED, (fingerprint,)))
        self.content = fingerprint
