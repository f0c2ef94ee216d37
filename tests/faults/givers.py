"""People inside the local Telegram who give each other besitos, while the bot is killed.

The rule: whoever gets no answer within their patience fails the test; what became of their gifts is
for `gift_audit` to say.
"""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from tests.faults import gift_audit
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox
from yabot.sandbox.people import block, write
from yabot.sandbox.screens import Screen

FIRST_GIVER = 20_000
DAILY = "🎁".encode()
NOTICES = (b"te regala", b"ha llegado", b"han vuelto")
"""What tells of a gift; anything else answers a message."""

PATIENCE = 45.0
"""Seconds after which a message must have been answered."""

LOOK = 0.05
"""Seconds between two looks at how many gifts there are."""


class Givers:
    """A few people with names and the daily gift to give away.

    They give to each other, to themselves, to somebody who has blocked the bot, and to a stranger.
    """

    def __init__(self, sandbox: Sandbox, people: int, seed: int) -> None:
        self.stopped = False
        self._world = sandbox.world
        self._ids = range(FIRST_GIVER, FIRST_GIVER + people)
        self._away = FIRST_GIVER + people
        self._stranger = self._away + 1
        self._rng = random.Random(seed)

    async def arrive(self) -> None:
        """Everybody is called something, says hello and takes the daily gift; one then leaves."""
        for user_id in (*self._ids, self._away):
            user = self._world.user(user_id)
            user.username = f"giver_{user_id}"
            self._world.save_user(user)
            self._write(user_id, "/start")
            self._write(user_id, "/daily")
        for user_id in (*self._ids, self._away):
            await until(partial(self._sees, user_id, DAILY), deadline=30)
        block(self._world, self._world.addressed_bot(), self._away, blocked=True)

    async def live(self) -> None:
        """Give until `stopped`."""
        async with anyio.create_task_group() as group:
            for user_id in self._ids:
                group.start_soon(self._give_on, user_id)

    async def _give_on(self, user_id: int) -> None:
        while not self.stopped:
            to = self._rng.choice((*self._ids, self._away, self._stranger))
            self._write(user_id, f"/gift @giver_{to} {self._rng.randint(1, 3)}")
            newest = max(self._screen(user_id).messages)
            await until(partial(self._is_answered, user_id, newest), deadline=PATIENCE)

    def _write(self, user_id: int, text: str) -> None:
        write(self._world, self._world.addressed_bot(), user_id, text)

    def _sees(self, user_id: int, text: bytes) -> bool:
        return any(text in body for body in self._screen(user_id).messages.values())

    def _is_answered(self, user_id: int, newest: int) -> bool:
        return any(
            number > newest and not any(notice in body for notice in NOTICES)
            for number, body in self._screen(user_id).messages.items()
        )

    def _screen(self, user_id: int) -> Screen:
        return self._world.screen(self._world.addressed_bot(), user_id)


async def give_under_kills(
    folder: Path, *, gifts: int, kills: int, seed: int, people: int = 12
) -> tuple[int, Sequence[str]]:
    """Kill the bot that often while people give that many gifts; how many they gave.

    The second value is what is wrong, if anything, at any kill or in the end.
    """
    rng = random.Random(seed)
    broken: list[str] = []
    async with Sandbox() as sandbox, BotProcess(folder, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        givers = Givers(sandbox, people, seed)
        await givers.arrive()
        async with anyio.create_task_group() as group:
            group.start_soon(givers.live)
            for kill in range(1, kills + 1):
                await _given(bot.database, gifts * kill // (kills + 1))
                await anyio.sleep(rng.uniform(0, 0.2))
                await bot.kill()
                broken += gift_audit.conserved(bot.database)
                bot.start()
                await bot.ready()
            await _given(bot.database, gifts)
            givers.stopped = True
        await until(lambda: gift_audit.at_rest(bot.database), deadline=60)
        assert await bot.stop() == 0
        broken += gift_audit.conserved(bot.database)
        broken += gift_audit.ended_badly(bot.database)
        return gift_audit.given(bot.database), broken


async def _given(database: Path, gifts: int) -> None:
    """Return once there were so many gifts."""
    with anyio.fail_after(600):
        while gift_audit.given(database) < gifts:
            await anyio.sleep(LOOK)
