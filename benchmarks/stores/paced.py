"""Updates that come at a steady pace and go their whole way: inbox, turn, outboxes, pruning.

Nothing waits for what went before, so a stall shows in every update that came during it: an update
is counted from the moment at which it was due.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.stores.crowd import AT_ONCE, Crowd, database, now
from benchmarks.stores.figures import Pauses
from yabot.stores.database import DatabaseManager
from yabot.stores.pruning import Pruning
from yabot.users.ports import Mail

TICK = 0.01
"""Seconds between two arrivals; each brings what the pace asks for."""

OLD = timedelta(days=3)
RELAY = "benchmark"


@dataclass(frozen=True)
class Paced:
    """One run: seconds from the call of `commit`, and from when the update was due, to durable."""

    commits: Sequence[float]
    updates: Sequence[float]
    pauses: Pauses
    cpu: float
    pruned: int


async def paced(*, people: int, rate: int, seconds: float, old: int) -> Paced:
    """Run `rate` updates a second, while `old` updates that have served their time are pruned."""
    age = OLD

    def clock() -> datetime:
        return now() - age

    async with database(clock=clock) as manager:
        crowd = Crowd(manager, range(1, people + 1))
        street = Street(manager, crowd)
        async with street.beside():
            await crowd.register_all()
            await street.age(old)
            age = timedelta()
            pauses = Pauses()
            cpu, began = time.process_time(), time.perf_counter()
            with pauses.watched():
                await street.live(rate, seconds)
            used = (time.process_time() - cpu) / (time.perf_counter() - began)
    return Paced(street.commits, street.updates, pauses, used, street.pruned)


class Street:
    """What goes on around the commits."""

    def __init__(self, manager: DatabaseManager, crowd: Crowd) -> None:
        self._manager = manager
        self._crowd = crowd
        self.commits: list[float] = []
        self.updates: list[float] = []
        self.pruned = 0

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """The outboxes are emptied during the block."""
        async with asyncio.TaskGroup() as group:
            relays = [group.create_task(self._reply()), group.create_task(self._relay())]
            yield
            for task in relays:
                task.cancel()

    async def age(self, turns: int) -> None:
        """Take turns of days ago: what they left is there to be pruned."""
        for first in range(0, turns, AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for mail in await self._crowd.mail(self._next(first, first + AT_ONCE)):
                    group.create_task(self._crowd.turn_in_order(mail))
            while await self._manager.replies.waiting():
                await asyncio.sleep(TICK)

    async def live(self, rate: int, seconds: float) -> None:
        """Let updates come and old rows be pruned; return when the last update is durable."""
        began, sent = time.perf_counter(), 0
        async with asyncio.TaskGroup() as group:
            group.create_task(self._prune())
            for tick in range(1, round(seconds / TICK) + 1):
                due = began + tick * TICK
                await asyncio.sleep(due - time.perf_counter())
                more = round(rate * tick * TICK)
                group.create_task(self._arrive(group, self._next(sent, more), due))
                sent = more

    async def _arrive(self, group: asyncio.TaskGroup, users: Sequence[str], due: float) -> None:
        for mail in await self._crowd.mail(users):
            group.create_task(self._turn(mail, due))

    async def _turn(self, mail: Mail, due: float) -> None:
        self.commits.append(await self._crowd.turn_in_order(mail))
        self.updates.append(time.perf_counter() - due)

    async def _reply(self) -> None:
        """Empty the replies outbox as a sender would whose Telegram answers at once."""
        after, outbox = 0, self._manager.replies
        async with asyncio.TaskGroup() as group:
            while True:
                rows = await outbox.read(after, AT_ONCE)
                for row in rows:
                    group.create_task(outbox.sent(row, row.seq))
                    after = row.seq
                if not rows:
                    await outbox.changed()

    async def _relay(self) -> None:
        """Take the events as a relay does."""
        after, feed = 0, self._manager.events.feed(RELAY)
        while True:
            rows = await feed.read(after, AT_ONCE)
            if rows:
                after = rows[-1].seq
                await feed.taken(after)
            else:
                await feed.changed()

    async def _prune(self) -> None:
        pruning = Pruning(self._manager.writer, self._manager.reader, event_retention=86_400)
        self.pruned = sum((await pruning.prune(now())).values())

    def _next(self, first: int, last: int) -> list[str]:
        users = self._crowd.users
        return [users[n % len(users)] for n in range(first, last)]
