"""SqliteCommandOutbox: durable commands that wait for their time."""

from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from yabot.domain.commands import COMMAND
from yabot.domain.values import Instant
from yabot.stores.bell import Bell
from yabot.stores.moments import from_micros, to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.writer import Writer
from yabot.users.ports import Clock, DueCommand

DUE = """
    SELECT id, user_id, command, unique_key, correlation_id, traceparent
    FROM outbox_commands INDEXED BY commands_by_time
    WHERE due_at <= ? AND id > ? ORDER BY id LIMIT ?"""
NEXT_DUE = "SELECT min(due_at) FROM outbox_commands"

log = structlog.get_logger(__name__)


class SqliteCommandOutbox:
    """The commands outbox, as `CommandOutbox` says. One scheduler reads it."""

    def __init__(self, writer: Writer, reader: Reader, clock: Clock) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._bell = Bell()
        for statement in (Statement.COMMAND_ADD, Statement.UNREACHABLE_ADD):
            writer.on_commit(statement, self._bell.ring)

    async def due(self, now: Instant, after: int, limit: int) -> Sequence[DueCommand]:
        """Commands with `due_at <= now` and `id > after`, by id. Raises StoreUnavailable."""
        self._bell.silence()
        found: list[DueCommand] = []
        while not found:
            rows = await self._reader.rows(DUE, to_micros(now), after, limit)
            if not rows:
                break
            for id_, user_id, body, unique_key, *causes in rows:
                after = id_
                try:
                    command = COMMAND.validate_json(body)
                except ValidationError as error:
                    await self._set_aside(id_, user_id, body, str(error))
                else:
                    found.append(DueCommand(id_, user_id, command, unique_key, *causes))
        return found

    async def next_due(self) -> Instant | None:
        """When the next command becomes due. Raises StoreUnavailable."""
        row = await self._reader.row(NEXT_DUE)
        return from_micros(row[0]) if row is not None and row[0] is not None else None

    async def changed(self) -> None:
        """Return when commands may have come since the last `due`."""
        await self._bell.heard()

    async def _set_aside(self, id_: int, user_id: str, body: str, error: str) -> None:
        """A command that this version can't read must not hold up the others."""
        log.error("command.unreadable", id=id_, user=user_id, error=error)
        letter = ("command", f"cmd:{id_}", user_id, error, body, to_micros(self._clock()))
        await self._writer.write(
            (Statement.COMMAND_REMOVE, (id_,)), (Statement.DEAD_LETTER_ADD, letter)
        )
