"""kill -9 between any two steps from a reaction to its hint: the way is gone to its end, once."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.faults.audit import opened
from tests.people import Person
from tests.processes import BotProcess
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

WAY = ("reaction_detected", "besitos_added", "narrative_hint_unlocked")
HINT = "Pista: La llave con forma de pez"


@dataclass
class Reader:
    """Somebody who stands before the bread that hides a hint, with 15 besitos."""

    person: Person
    bot: BotProcess
    message_id: int

    async def react(self) -> None:
        """Press the heart."""
        await self.person.presses(self.message_id, "react:horno:heart")

    def way(self) -> list[str]:
        """What was published of the way to the hint, in order."""
        names = self.rows("SELECT name FROM outbox_events WHERE user_id = '101' ORDER BY sequence")
        told = [name for (name,) in names]
        start = told.index(WAY[0]) if WAY[0] in told else len(told)
        return [name for name in told[start:] if name in WAY]

    def balance(self) -> int:
        """What is in the purse."""
        return int(self.rows("SELECT balance FROM wallets WHERE user_id = '101'")[0][0])

    def steps(self) -> list[str]:
        """The steps that come next."""
        ((document,),) = self.rows("SELECT document FROM user_documents")
        return [each["step"] for each in orjson.loads(document)["reactions"]]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(opened(self.bot.database)) as db:
            return db.execute(sql).fetchall()


@asynccontextmanager
async def before_the_bread(folder: Path) -> AsyncIterator[Reader]:
    """A reader; the bot is stopped."""
    async with Sandbox() as sandbox, aiohttp.ClientSession() as client:
        person = Person(client, sandbox.url, 101)
        async with BotProcess(folder, sandbox.url) as bot:
            bot.start()
            await bot.ready()
            await person.says("/start")
            number = (await person.sees("Soy YABOT"))["message_id"]
            await person.presses(number, "story")
            await person.sees("La noche sin faro")
            for button, there in (
                ("story:start:carta", "La carta del beso"),
                ("story:carta:plaza", "La plaza de las velas"),
                ("story:plaza:panaderia", "La panadería de Remedios"),
                ("story:panaderia:ayudar", "Lo que había en el pan"),
            ):
                await person.presses(number, button)
                await person.sees(there)
            assert await bot.stop() == 0
            yield Reader(person, bot, number)
            assert await bot.stop() == 0


@pytest.mark.parametrize(
    ("fault", "way", "steps", "balance"),
    [
        ("before_commit:1", 0, [], 15),
        ("after_commit:1", 1, ["reward"], 15),
        ("before_commit:2", 1, ["reward"], 15),
        ("after_commit:2", 2, ["unlock"], 20),
        ("before_commit:3", 2, ["unlock"], 20),
        ("after_commit:3", 3, [], 20),
    ],
)
async def test_the_way_to_a_hint_is_gone_to_its_end_wherever_the_bot_dies(
    fault: str, way: int, steps: list[str], balance: int, tmp_path: Path
) -> None:
    async with before_the_bread(tmp_path) as reader:
        await reader.react()
        reader.bot.start(YABOT_FAULT=fault)
        assert await reader.bot.ended() == -signal.SIGKILL
        assert (reader.way(), reader.steps()) == (list(WAY[:way]), steps)
        assert reader.balance() == balance

        reader.bot.start()
        await reader.person.told(HINT)
        assert reader.way() == list(WAY)
        assert (reader.balance(), reader.steps()) == (20, [])
        await reader.react()
        await reader.person.told("¡Anotado!")
        assert reader.balance() == 20
