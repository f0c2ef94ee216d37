"""Replays: a dead letter goes back to where it came from.

    update     to the inbox, as the newest of all, with no attempt counted
    command    to the commands outbox, due now
    reply      to the replies outbox
    event      to its group, which handles it before what is new
    document   to the relay of documents

The rule: the letter goes in the same transaction as what it was comes back; an event's letter goes
when its group has taken it.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import orjson
from pydantic import ValidationError

from yabot.domain.commands import COMMAND
from yabot.domain.decision import Once
from yabot.errors import YabotError
from yabot.stores.dead_letters import SqliteDeadLetters, StoredLetter
from yabot.stores.documents import SqliteDocumentOutbox
from yabot.stores.inbox import SqliteInbox
from yabot.stores.moments import to_micros
from yabot.stores.reader import Reader
from yabot.stores.receipts import fingerprint, receipt
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer
from yabot.users.ports import Arrival, Clock, Mail

UPDATE = re.compile(r"tg:(\d+):(\d+)")
CALL = re.compile(r"call:(\d+)")

Back = Callable[[StoredLetter, Sequence[Row]], Awaitable[Mail | None]]
"""Sends a letter back, and writes rows with it."""


class UnknownLetter(YabotError):
    """There is no dead letter of that id."""


class CannotReplay(YabotError):
    """The letter can't go back. It stays."""


class Replays:
    """Sends letters back. At most one at a time, so that none goes back twice."""

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        letters: SqliteDeadLetters,
        inbox: SqliteInbox,
        documents: SqliteDocumentOutbox,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._letters = letters
        self._inbox = inbox
        self._documents = documents
        self._clock = clock
        self._one_by_one = anyio.Lock()
        self._back: Mapping[str, Back] = {
            "update": self._update,
            "command": self._command,
            "reply": self._reply,
            "event": self._event,
            "document": self._document,
        }

    async def replay(self, letter_id: int, once: Once | None = None) -> Mail | None:
        """Send a letter back. An update is returned too, for a running bot to hand out.

        Raises UnknownLetter, CannotReplay, StoreUnavailable, AlreadyProcessed for a key that was
        used.
        """
        async with self._one_by_one:
            stored = await self._known(letter_id)
            back = self._back.get(stored.letter.kind)
            if back is None:
                raise CannotReplay(f"nothing is known of letters of the kind {stored.letter.kind}")
            done = [receipt(once, self._clock())] if once is not None else []
            return await back(stored, done)

    async def done_under(self, key: str) -> str | None:
        """The fingerprint of what was done under a key, if anything was."""
        return await fingerprint(self._reader, key)

    async def discard(self, letter_id: int) -> None:
        """Remove a letter for good. Raises UnknownLetter, StoreUnavailable."""
        async with self._one_by_one:
            await self._known(letter_id)
            await self._letters.discard(letter_id)

    async def _known(self, letter_id: int) -> StoredLetter:
        stored = await self._letters.get(letter_id)
        if stored is None:
            raise UnknownLetter(f"there is no dead letter {letter_id}")
        return stored

    async def _update(self, stored: StoredLetter, also: Sequence[Row]) -> Mail:
        letter = stored.letter
        bot_id, update_id = _numbers(UPDATE, letter.key)
        update = orjson.loads(letter.body)
        arrival = Arrival(letter.user_id, bot_id, update_id, update, letter.body)
        return await self._inbox.take_back(arrival, _gone(stored), *also)

    async def _command(self, stored: StoredLetter, also: Sequence[Row]) -> None:
        letter = stored.letter
        try:
            COMMAND.validate_json(letter.body)
        except ValidationError as error:
            raise CannotReplay("this version can't read the command") from error
        now = to_micros(self._clock())
        unique_key = f"letter:{stored.id}"
        row = (letter.user_id, now, letter.body.decode(), unique_key, "", "", now)
        await self._writer.write((Statement.COMMAND_ADD, row), _gone(stored), *also)

    async def _reply(self, stored: StoredLetter, also: Sequence[Row]) -> None:
        letter = stored.letter
        (call_id,) = _numbers(CALL, letter.key)
        call = orjson.loads(letter.body)
        if "method" not in call or "lane" not in call:
            raise CannotReplay("an older version kept this letter, without the name of its method")
        params = orjson.dumps(call["params"]).decode()
        now = to_micros(self._clock())
        row = (call_id, letter.user_id, call["lane"], call["method"], params, now)
        await self._writer.write((Statement.REPLY_ADD, row), _gone(stored), *also)

    async def _event(self, stored: StoredLetter, also: Sequence[Row]) -> None:
        now = to_micros(self._clock())
        await self._writer.write((Statement.DEAD_LETTER_RETURN, (now, stored.id)), *also)

    async def _document(self, stored: StoredLetter, also: Sequence[Row]) -> None:
        await self._documents.replay(stored, *also)


def _gone(stored: StoredLetter) -> Row:
    return Statement.DEAD_LETTER_REMOVE, (stored.id,)


def _numbers(shape: re.Pattern[str], key: str) -> tuple[int, ...]:
    found = shape.fullmatch(key)
    if found is None:
        raise CannotReplay(f"its key {key!r} does not say where it came from")
    return tuple(map(int, found.groups()))
