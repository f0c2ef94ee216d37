"""SqliteDeadLetters: what could not be handled and waits for a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from yabot.domain.values import Instant
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.writer import Writer
from yabot.users.ports import Clock, DeadLetter

KINDS = ("update", "command", "reply", "event", "document")
"""What a dead letter may have been."""

COLUMNS = "id, kind, key, user_id, error, body, at"
PAGE = f"""
    SELECT {COLUMNS} FROM dead_letters
    WHERE id > ?1 AND (?2 IS NULL OR kind = ?2) ORDER BY id LIMIT ?3"""  # noqa: S608
ONE = f"SELECT {COLUMNS} FROM dead_letters WHERE id = ?"  # noqa: S608
COUNT = "SELECT count(*) FROM dead_letters"


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter in its row."""

    id: int
    letter: DeadLetter
    at: Instant


class SqliteDeadLetters:
    """The dead letters of every kind: updates, commands, replies, events."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock

    async def add(self, letter: DeadLetter) -> None:
        """Keep a letter. Raises StoreUnavailable."""
        at = to_micros(self._clock())
        body = letter.body.decode()
        row = (letter.kind, letter.key, letter.user_id, letter.error, body, at)
        await self._writer.submit([(Statement.DEAD_LETTER_ADD, row)], len(letter.body))

    async def page(
        self, after: int = 0, limit: int = 100, *, kind: str | None = None
    ) -> Sequence[StoredLetter]:
        """Letters with `id > after`, of one kind or of all, oldest first."""
        return [_stored(*row) for row in await self._reader.rows(PAGE, after, kind, limit)]

    async def get(self, letter_id: int) -> StoredLetter | None:
        """One letter; None when there is none of that id."""
        row = await self._reader.row(ONE, letter_id)
        return _stored(*row) if row is not None else None

    async def discard(self, letter_id: int) -> None:
        """Remove a letter for good."""
        await self._writer.write((Statement.DEAD_LETTER_REMOVE, (letter_id,)))

    async def count(self) -> int:
        """How many letters wait."""
        return int((await self._reader.rows(COUNT))[0][0])


def _stored(
    id_: int, kind: str, key: str, user_id: str, error: str, body: str, at: int
) -> StoredLetter:
    return StoredLetter(id_, DeadLetter(kind, key, user_id, error, body.encode()), from_micros(at))
