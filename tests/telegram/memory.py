"""The ports of `yabot.users` in memory, with the promises of the durable ones."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import anyio
from anyio.lowlevel import checkpoint

from yabot.domain.user import User
from yabot.domain.values import Instant, UserId
from yabot.errors import AlreadyProcessed, StaleVersion, StoreUnavailable
from yabot.users.ports import Answer, Arrival, Call, Commit, Mail, QueuedCall, Stored


class MemoryUsers:
    """A UserStore; `calls` are the calls that commits have left, in their order."""

    def __init__(self) -> None:
        self._users: dict[UserId, Stored] = {}
        self._answers: dict[str, Answer] = {}
        self._last_call = 0
        self.calls: list[Call] = []

    def put(self, user: User) -> None:
        """Have a user in the store, at version 1."""
        self._users[user.user_id] = Stored(user, 1)

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:  # noqa: ARG002
        return self._users.get(user_id, Stored(None, 0))

    async def answer(self, key: str) -> Answer | None:
        return self._answers.get(key)

    async def commit(self, commit: Commit) -> int:
        if commit.key and commit.key in self._answers:
            raise AlreadyProcessed(commit.key)
        version = self._users.get(commit.user_id, Stored(None, 0)).version
        if version != commit.version:
            raise StaleVersion(commit.key)
        self._users[commit.user_id] = Stored(commit.after, version + 1)
        self._answers[commit.key] = commit.answer or Answer("", b"")
        self.calls.extend(commit.calls)
        return version + 1

    def next_call_id(self) -> int:
        self._last_call += 1
        return self._last_call


class MemoryInbox:
    """An Inbox. `failing` makes writes fail, `gate` holds them until it is set."""

    def __init__(self) -> None:
        self._mails: list[Mail] = []
        self._known: set[tuple[int, int]] = set()
        self.extra_backlog = 0
        self.failing = False
        self.writes: list[int] = []
        self.gate = anyio.Event()
        self.gate.set()

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        await self.gate.wait()
        await checkpoint()
        if self.failing:
            raise StoreUnavailable("the inbox is away", retry_after=0.01)
        self.writes.append(len(arrivals))
        return [mail for arrival in arrivals if (mail := self._add(arrival)) is not None]

    def _add(self, arrival: Arrival) -> Mail | None:
        key = (arrival.bot_id, arrival.update_id)
        if key in self._known:
            return None
        self._known.add(key)
        mail = Mail(
            len(self._mails) + 1,
            arrival.user_id,
            arrival.bot_id,
            arrival.update_id,
            arrival.update,
        )
        self._mails.append(mail)
        return mail

    async def read(self, user_id: UserId, after: int, limit: int) -> Sequence[Mail]:
        return [m for m in self._mails if m.user_id == user_id and m.seq > after][:limit]

    async def leftovers(self, after: int, limit: int) -> Sequence[Mail]:
        return [m for m in self._mails if m.seq > after][:limit]

    async def stamp(self, seq: int) -> None:
        self._mails[seq - 1] = replace(self._mails[seq - 1], attempts=1)

    def backlog(self) -> int:
        return len(self._mails) + self.extra_backlog


class MemoryReplies:
    """A ReplyOutbox. `failing` makes marks fail; `refusals` holds what was set aside."""

    def __init__(self, clock: Callable[[], Instant]) -> None:
        self._clock = clock
        self._rows: dict[int, QueuedCall] = {}
        self._ids: dict[int, int] = {}
        self._seq = 0
        self._changed = asyncio.Event()
        self.failing = False
        self.refusals: list[tuple[QueuedCall, str, bool]] = []
        self.unreadable = False

    def put(
        self,
        lane: str,
        method: str,
        params: bytes,
        *,
        user_id: str = "7",
        call_id: int | None = None,
    ) -> QueuedCall:
        """What a commit leaves."""
        self._seq += 1
        call = Call(call_id or self._seq, lane, method, params)
        row = QueuedCall(self._seq, user_id, call, self._clock())
        self._rows[row.seq] = row
        self._changed.set()
        return row

    @property
    def left(self) -> int:
        """Rows that are not settled."""
        return len(self._rows)

    async def read(self, after: int, limit: int) -> Sequence[QueuedCall]:
        await checkpoint()
        if self.unreadable:
            raise StoreUnavailable("the outbox is away", retry_after=0.01)
        self._changed.clear()
        return [row for seq, row in sorted(self._rows.items()) if seq > after][:limit]

    async def changed(self) -> None:
        await self._changed.wait()

    async def sent(self, row: QueuedCall, message_id: int | None) -> None:
        await checkpoint()
        self._check()
        self._rows.pop(row.seq, None)
        if message_id is not None:
            self._ids[-row.call.id] = message_id

    async def refused(self, row: QueuedCall, error: str, *, unreachable: bool) -> None:
        self._check()
        self._rows.pop(row.seq, None)
        self.refusals.append((row, error, unreachable))

    async def real_message_id(self, provisional: int) -> int | None:
        return self._ids.get(provisional)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the outbox is away", retry_after=0.01)
