"""MemoryCommands: durable commands that wait for their time."""

import asyncio
from collections.abc import Sequence

from anyio.lowlevel import checkpoint

from yabot.domain.decision import DurableCommand
from yabot.domain.values import Instant, UserId
from yabot.users.ports import DueCommand


class MemoryCommands:
    """A CommandOutbox."""

    def __init__(self) -> None:
        self._waiting: dict[int, DurableCommand] = {}
        self._causes: dict[int, tuple[str, str]] = {}
        self._last_id = 0
        self._changed = asyncio.Event()

    async def due(self, now: Instant, after: int, limit: int) -> Sequence[DueCommand]:
        await checkpoint()
        self._changed.clear()
        return [
            DueCommand(
                id_, command.user_id, command.command, command.unique_key, *self._causes[id_]
            )
            for id_, command in self._waiting.items()
            if id_ > after and command.due_at <= now
        ][:limit]

    async def next_due(self) -> Instant | None:
        await checkpoint()
        return min((command.due_at for command in self._waiting.values()), default=None)

    async def changed(self) -> None:
        await self._changed.wait()

    def add(self, command: DurableCommand, correlation_id: str = "", traceparent: str = "") -> None:
        """A commit leaves a command; one whose key waits already is left out."""
        if any(command.unique_key == known.unique_key for known in self._waiting.values()):
            return
        self._last_id += 1
        self._waiting[self._last_id] = command
        self._causes[self._last_id] = (correlation_id, traceparent)
        self._changed.set()

    def remove(self, id_: int) -> None:
        """The turn of a command was committed."""
        self._waiting.pop(id_, None)

    def forget(self, user_id: UserId) -> None:
        """A person was erased."""
        self._waiting = {i: c for i, c in self._waiting.items() if c.user_id != user_id}
