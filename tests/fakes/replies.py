"""MemoryReplies: calls that commits left for Telegram."""

import asyncio
from collections.abc import Sequence

from anyio.lowlevel import checkpoint

from tests.fakes.commands import MemoryCommands
from yabot.domain.commands import MarkInactive
from yabot.domain.decision import DurableCommand
from yabot.domain.values import Instant, UserId
from yabot.errors import StoreUnavailable
from yabot.users.ports import Call, Clock, DeadLetter, QueuedCall


class MemoryReplies:
    """A ReplyOutbox.

    `failing` makes settling fail and `unreadable` reading. `rows` holds what is not settled, by
    `seq`; `refusals` what `refused` was told, in order.
    """

    def __init__(
        self, commands: MemoryCommands, dead_letters: list[DeadLetter], clock: Clock
    ) -> None:
        self._commands = commands
        self._dead_letters = dead_letters
        self.clock = clock
        self._last_seq = 0
        self._real_ids: dict[int, int] = {}
        self._forgotten: set[UserId] = set()
        self._changed = asyncio.Event()
        self.rows: dict[int, QueuedCall] = {}
        self.refusals: list[tuple[QueuedCall, str, bool]] = []
        self.failing = False
        self.unreadable = False

    async def read(self, after: int, limit: int) -> Sequence[QueuedCall]:
        await checkpoint()
        if self.unreadable:
            raise StoreUnavailable("the replies are away", retry_after=0.01)
        self._changed.clear()
        return [row for seq, row in self.rows.items() if seq > after][:limit]

    async def changed(self) -> None:
        await self._changed.wait()

    async def sent(self, row: QueuedCall, message_id: int | None) -> None:
        await self._settle(row)
        if message_id is not None:
            self._real_ids[-row.call.id] = message_id

    async def refused(self, row: QueuedCall, error: str, *, unreachable: bool) -> None:
        await self._settle(row)
        self.refusals.append((row, error, unreachable))
        if row.user_id in self._forgotten:
            return
        call = row.call
        body = b'{"lane":"%s","method":"%s","params":%s}' % (
            call.lane.encode(),
            call.method.encode(),
            call.params,
        )
        letter = DeadLetter("reply", f"call:{call.id}", row.user_id, error, body)
        self._dead_letters.append(letter)
        if unreachable:
            command = MarkInactive(reason=error[:200])
            key = f"unreachable:{call.id}"
            self._commands.add(DurableCommand(row.user_id, self.clock(), command, key))

    async def real_message_id(self, provisional: int) -> int | None:
        await checkpoint()
        return self._real_ids.get(provisional)

    def add(self, user_id: UserId, call: Call, at: Instant) -> None:
        """A commit leaves a call."""
        self._last_seq += 1
        self.rows[self._last_seq] = QueuedCall(self._last_seq, user_id, call, at)
        self._changed.set()

    def forget(self, user_id: UserId) -> None:
        """A person was erased: what they can't be sent is forgotten too."""
        self._forgotten.add(user_id)

    def remember(self, user_id: UserId) -> None:
        """A person was committed."""
        self._forgotten.discard(user_id)

    async def _settle(self, row: QueuedCall) -> None:
        await checkpoint()
        if self.failing:
            raise StoreUnavailable("the replies are away", retry_after=0.01)
        self.rows.pop(row.seq, None)
