"""Random gifts in one process that dies again and again, over one SQLite file.

A life ends without warning: from one moment on no COMMIT succeeds, and everything is cancelled
where it stands. Within a life turns crash now and then. The rule: only what is in the file goes on.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio

from actors import ActorCrashed, ActorSystem
from tests.stores.running import Clock, Trouble, running
from tests.waiting import until
from yabot.domain.commands import DeleteUser, MarkInactive, MoveBesitos, RegisterUser
from yabot.domain.decision import Rejected
from yabot.errors import YabotError
from yabot.services.gifts import GIFT_LIMIT, GiftService
from yabot.stores.database import DatabaseManager
from yabot.telegram.notices import render
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import Commit
from yabot.users.scheduler import Scheduler
from yabot.users.turn import Turn

PURSE = 1_000
LIFE = 1.0
"""Seconds that a life lasts, about."""

CRASHES = 0.005
"""The share of commits before which the turn crashes."""

TROUBLE = (YabotError, ActorCrashed)
"""What an asker may be told instead of an answer."""

VISITORS = ("901", "902", "903")
"""They get gifts, and are deleted and come back all the time; they give none."""

UNREACHABLE = "904"
STRANGER = "905"


class Crashing:
    """The store of users, under turns that crash now and then."""

    def __init__(self, database: DatabaseManager, rng: random.Random) -> None:
        self._store = database.users
        self._rng = rng

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, commit: Commit) -> int:
        """As the store does, or a crash before it."""
        if self._rng.random() < CRASHES:
            raise RuntimeError("a turn crashes on purpose")
        return await self._store.commit(commit)


class GiftLives:
    """People who give at random."""

    def __init__(self, file: Path, *, people: int, seed: int) -> None:
        self.file = file
        self.clock = Clock()
        self.lives = 0
        self._rng = random.Random(seed)
        self._people = [str(number) for number in range(1, people + 1)]

    async def settle_in(self) -> None:
        """Everybody registers, and most get a purse."""

        async def registers(directory: UserDirectory) -> None:
            for user_id in (*self._people, *VISITORS, UNREACHABLE):
                command = RegisterUser(telegram_user_id=int(user_id))
                await _insist(directory, user_id, command)
            for user_id in self._people:
                await _insist(directory, user_id, MoveBesitos(amount=PURSE, reason="start"))
            await _insist(directory, UNREACHABLE, MarkInactive())

        await self.live(registers, crashing=False)

    async def give(self) -> None:
        """One life in which people give as fast as they can, and which ends at any moment."""

        async def gives(directory: UserDirectory) -> None:
            with anyio.move_on_after(self._rng.uniform(0.05, 2 * LIFE)):
                async with anyio.create_task_group() as group:
                    for user_id in self._people:
                        group.start_soon(self._give_on, directory, user_id)
                    group.start_soon(self._come_and_go, directory)

        await self.live(gives)

    async def end_well(self, is_done: Callable[[], bool]) -> None:
        """Live on, with as much time as gifts may take, until all is done."""

        async def wait(_directory: UserDirectory) -> None:
            await anyio.sleep(0.2)
            self.clock.advance(seconds=(GIFT_LIMIT + timedelta(seconds=1)).total_seconds())
            await until(is_done, deadline=60)

        await self.live(wait, crashing=False)

    async def live(
        self, work: Callable[[UserDirectory], Awaitable[None]], *, crashing: bool = True
    ) -> None:
        """One life: open the file, work, and die."""
        self.lives += 1
        trouble = Trouble()
        async with running(self.file, self.clock, connector=trouble.connect) as database:
            with anyio.CancelScope() as everything:
                async with ActorSystem() as system:
                    store = Crashing(database, self._rng) if crashing else database.users
                    parts = UserParts(store, _no_update, render, self.clock)
                    directory = UserDirectory(system, parts, database.inbox)
                    system.spawn(
                        lambda: Scheduler(database.commands, directory.deliver_due, self.clock),
                        name="scheduler",
                    )
                    await work(directory)
                    trouble.commit_fails = 1_000_000_000
                    everything.cancel()
            trouble.commit_fails = 0

    async def _give_on(self, directory: UserDirectory, user_id: str) -> None:
        gifts = GiftService(directory, _Nobody())
        while True:
            to = self._rng.choice([*self._people, *VISITORS, UNREACHABLE, STRANGER])
            try:
                giver = await directory.get(user_id)
                assert giver is not None
                outcome = await gifts.give(giver, to, self._rng.randint(1, 20))
            except TROUBLE:
                continue
            if isinstance(outcome, Rejected):
                await anyio.sleep(0.001)

    async def _come_and_go(self, directory: UserDirectory) -> None:
        while True:
            visitor = self._rng.choice(VISITORS)
            here = RegisterUser(telegram_user_id=int(visitor))
            for command in (DeleteUser(), here):
                await _insist(directory, visitor, command)
            await anyio.sleep(0.01)


class _Nobody:
    async def find(self, username: str) -> None:
        return None


async def _insist(directory: UserDirectory, user_id: str, command: Any) -> None:
    """Ask until no crash comes in between."""
    while True:
        try:
            await directory.apply(user_id, command)
        except TROUBLE:
            await anyio.sleep(0.001)
        else:
            return


async def _no_update(turn: Turn, update: Mapping[str, object]) -> None:
    raise AssertionError("no update comes")
