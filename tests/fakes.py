"""In-memory stands-ins for the stores; each passes the contract suite of the real one.

They exist so that tests of one room need not open the next. What they promise is in
`tests/contracts/`, and nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio

from yabot.domain.values import Instant, UserId
from yabot.errors import AlreadyProcessed, StaleVersion, StoreUnavailable
from yabot.users.ports import Answer, Arrival, Commit, DueCommand, Mail, QueuedCall, Stored

NO_ANSWER = Answer("", b"{}")


@dataclass
class MemoryStores:
    """Every port of `yabot.users.ports` over dictionaries. `failing` makes all of them fail."""

    users: dict[UserId, Stored] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    inbox: dict[int, Mail] = field(default_factory=dict)
    known_updates: set[tuple[int, int]] = field(default_factory=set)
    calls: list[QueuedCall] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    due_commands: dict[int, tuple[Instant, DueCommand]] = field(default_factory=dict)
    failing: bool = False
    _ids: int = 0

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        self._check()
        await anyio.lowlevel.checkpoint()
        return self.users.get(user_id, Stored(None, 0))

    async def answer(self, key: str) -> Answer | None:
        self._check()
        return self.answers.get(key)

    async def commit(self, commit: Commit) -> int:
        self._check()
        await anyio.lowlevel.checkpoint()
        if commit.key in self.answers:
            raise AlreadyProcessed(commit.key)
        stored = self.users.get(commit.user_id, Stored(None, 0))
        if stored.version != commit.version:
            raise StaleVersion(commit.user_id)
        self._keep(commit)
        return self.users.get(commit.user_id, Stored(None, 0)).version

    def _keep(self, commit: Commit) -> None:
        if commit.after is not None:
            self.users[commit.user_id] = Stored(commit.after, commit.version + 1)
        if commit.answer is not None or commit.mail_seq is not None:
            self.answers[commit.key] = commit.answer or NO_ANSWER
        if commit.mail_seq is not None:
            self.inbox.pop(commit.mail_seq, None)
        if commit.command_id is not None:
            self.due_commands.pop(commit.command_id, None)
        for call in commit.calls:
            self.calls.append(QueuedCall(len(self.calls) + 1, commit.user_id, call, commit.now))
        for durable in commit.commands:
            self._ids += 1
            due = DueCommand(self._ids, durable.user_id, durable.command, durable.unique_key)
            self.due_commands[self._ids] = (durable.due_at, due)
        self.commits.append(commit)

    def next_call_id(self) -> int:
        self._ids += 1
        return self._ids

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        self._check()
        new = []
        for arrival in arrivals:
            if (arrival.bot_id, arrival.update_id) in self.known_updates:
                continue
            self.known_updates.add((arrival.bot_id, arrival.update_id))
            mail = Mail(
                len(self.known_updates),
                arrival.user_id,
                arrival.bot_id,
                arrival.update_id,
                arrival.update,
            )
            self.inbox[mail.seq] = mail
            new.append(mail)
        return new

    async def read(self, user_id: UserId, after: int, limit: int) -> Sequence[Mail]:
        self._check()
        rows = (m for seq, m in sorted(self.inbox.items()) if seq > after and m.user_id == user_id)
        return [mail for mail, _ in zip(rows, range(limit), strict=False)]

    async def leftovers(self, after: int, limit: int) -> Sequence[Mail]:
        return [mail for seq, mail in sorted(self.inbox.items()) if seq > after][:limit]

    async def stamp(self, seq: int) -> None:
        mail = self.inbox[seq]
        self.inbox[seq] = Mail(
            seq, mail.user_id, mail.bot_id, mail.update_id, mail.update, mail.attempts + 1
        )

    def backlog(self) -> int:
        return len(self.inbox)

    async def due(self, now: Instant, after: int, limit: int) -> Sequence[DueCommand]:
        rows = [c for at, c in self.due_commands.values() if at <= now and c.id > after]
        return sorted(rows, key=lambda c: c.id)[:limit]

    async def next_due(self) -> Instant | None:
        return min((at for at, _ in self.due_commands.values()), default=None)

    async def changed(self) -> None:
        before = len(self.commits)
        while len(self.commits) == before:
            await anyio.sleep(0.01)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the store was told to fail", retry_after=0.01)


def utc_now() -> datetime:
    """The wall clock, as `yabot.users.ports.Clock`."""
    return datetime.now(UTC)
