"""MemoryInbox: updates that wait for their turn."""

from collections.abc import Sequence
from dataclasses import replace

import anyio
from anyio.lowlevel import checkpoint

from yabot.domain.values import UserId
from yabot.errors import StoreUnavailable
from yabot.users.ports import Arrival, Mail


class MemoryInbox:
    """An Inbox.

    `failing` makes it unavailable and `gate` holds writes until it is set. `writes` says how many
    updates each write brought, and `extra_backlog` is counted as if it waited.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Mail] = {}
        self._seqs: dict[str, int] = {}
        self.failing = False
        self.gate = anyio.Event()
        self.gate.set()
        self.writes: list[int] = []
        self.extra_backlog = 0

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        await self.gate.wait()
        self._check()
        new = [mail for arrival in arrivals if (mail := self._add(arrival)) is not None]
        self.writes.append(len(arrivals))
        await checkpoint()
        return new

    async def read(self, user_id: UserId, after: int, limit: int) -> Sequence[Mail]:
        return [mail for mail in await self._beyond(after) if mail.user_id == user_id][:limit]

    async def leftovers(self, after: int, limit: int) -> Sequence[Mail]:
        return (await self._beyond(after))[:limit]

    async def stamp(self, seq: int) -> None:
        self._check()
        mail = self._waiting.get(seq)
        if mail is not None:
            self._waiting[seq] = replace(mail, attempts=mail.attempts + 1)
        await checkpoint()

    def backlog(self) -> int:
        return len(self._waiting) + self.extra_backlog

    def mark(self, seq: int) -> None:
        """The turn of an update was committed."""
        self._waiting.pop(seq, None)

    def has_marked(self, seq: int) -> bool:
        """Whether the update in a row was processed."""
        return seq <= len(self._seqs) and seq not in self._waiting

    def has_processed(self, key: str) -> bool:
        """Whether the update with a processed key was processed."""
        return key in self._seqs and self.has_marked(self._seqs[key])

    def _add(self, arrival: Arrival) -> Mail | None:
        """Keep an update that is new; `seq` counts from 1."""
        seq = len(self._seqs) + 1
        mail = Mail(seq, arrival.user_id, arrival.bot_id, arrival.update_id, arrival.update)
        if mail.key in self._seqs:
            return None
        self._seqs[mail.key] = seq
        self._waiting[seq] = mail
        return mail

    async def _beyond(self, after: int) -> list[Mail]:
        await checkpoint()
        self._check()
        return [mail for seq, mail in self._waiting.items() if seq > after]

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the inbox is away", retry_after=0.01)
