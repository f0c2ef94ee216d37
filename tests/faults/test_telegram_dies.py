"""kill -9 of Telegram: what the bot owes it arrives when it is back, and nothing is done twice."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import anyio
import orjson
import pytest

from tests.faults.audit import opened, waiting
from tests.faults.street import MODES
from tests.people import Person, buttons
from tests.processes import BotProcess, TelegramProcess
from tests.waiting import until

pytestmark = pytest.mark.anyio

PEOPLE = range(201, 211)
JUST_BEFORE = 0.3
"""Seconds before its death of which Telegram itself may have forgotten what it was told."""


@dataclass
class Town:
    """A Telegram that can die, a bot, and people."""

    telegram: TelegramProcess
    bot: BotProcess
    client: aiohttp.ClientSession
    people: list[Person] = field(default_factory=list)
    died_at: list[float] = field(default_factory=list)

    async def telegram_dies(self) -> None:
        """kill -9, and a new start."""
        self.died_at.append(time.monotonic())
        await self.telegram.kill()
        self.telegram.start()
        await self.telegram.ready()

    def may_be_forgotten(self, at: float) -> bool:
        """Whether Telegram was told this too shortly before it died."""
        return any(died - JUST_BEFORE < at <= died for died in self.died_at)

    async def done(self) -> None:
        """Return when the bot has nothing left to do."""
        await until(lambda: not waiting(self.bot.database), deadline=40)

    async def telegram_has_saved(self) -> None:
        """Return when everything that Telegram knows is on its disk."""

        async def saved() -> bool:
            async with self.client.get(f"{self.telegram.url}/sandbox/stats") as answer:
                return bool((await answer.json())["unsaved"] == 0)

        await until(saved)


@asynccontextmanager
async def town(folder: Path, mode: str) -> AsyncIterator[Town]:
    """Telegram and the bot at work, and everybody at the square of the story."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramProcess(folder))
        telegram.start()
        await telegram.ready()
        settings = {"UPDATES_MODE": mode}
        bot = await stack.enter_async_context(BotProcess(folder, telegram.url, settings))
        bot.start()
        await bot.ready()
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Town(
            telegram, bot, client, [Person(client, telegram.url, user_id) for user_id in PEOPLE]
        )


async def at_square(person: Person) -> int:
    """Bring a person to the square; the message that shows it."""
    await person.says("/start")
    await person.says("/story")
    message = await person.sees("La noche sin faro")
    await person.presses(message["message_id"], "story:start:plaza")
    return int((await person.sees("La plaza de las velas"))["message_id"])


@pytest.mark.parametrize("mode", MODES)
async def test_what_could_not_be_sent_arrives_when_telegram_is_back(
    mode: str, tmp_path: Path
) -> None:
    ways = ["panaderia", "puerto", "biblioteca", "faro"]
    async with town(tmp_path, mode) as it:
        squares = {person: await at_square(person) for person in it.people}
        for method in ("editMessageText", "answerCallbackQuery"):
            order = {"method": method, "status": 503, "times": 0}
            async with it.client.post(f"{it.telegram.url}/sandbox/faults", json=order) as answer:
                assert answer.status == 200
        for way in ways:
            for person, square in squares.items():
                await person.presses(square, f"story:plaza:{way}")
        await until(lambda: handled(it.bot.database, len(ways) * len(it.people)))
        await it.telegram_has_saved()

        await it.telegram_dies()

        for person, square in squares.items():
            message = await person.sees("La puerta del faro", deadline=40)
            assert message["message_id"] == square
            assert buttons(message)[0] == "story:faro:subir"
            assert choices(it.bot.database, person) == ["plaza", *ways]
        await it.done()
        assert await it.bot.stop() == 0


@pytest.mark.parametrize("mode", MODES)
async def test_updates_are_handled_once_and_in_order_however_often_telegram_dies(
    mode: str, tmp_path: Path
) -> None:
    async with town(tmp_path, mode) as it:
        sent: dict[Person, list[tuple[int, float]]] = {person: [] for person in it.people}
        async with anyio.create_task_group() as group:
            for person, told in sent.items():
                group.start_soon(chatter, person, told)
            for _ in range(3):
                wanted = sum(map(len, sent.values())) + 100
                await until(lambda wanted=wanted: sum(map(len, sent.values())) >= wanted)
                await it.telegram_dies()
            await until(lambda: all(told[-1][1] > it.died_at[-1] for told in sent.values()))
            group.cancel_scope.cancel()

        for person in it.people:
            await person.says("/help")
            await person.sees("/story para seguir", deadline=40)
        await it.done()
        for person, told in sent.items():
            found = updates_of(it.bot.database, person)
            certain = [update_id for update_id, at in told if not it.may_be_forgotten(at)]
            assert [update_id for update_id in certain if update_id not in found] == []
            assert found == sorted(set(found))
        assert await it.bot.stop() == 0


async def chatter(person: Person, told: list[tuple[int, float]]) -> None:
    """Write for ever, and write again what Telegram did not take."""
    while True:
        at = time.monotonic()
        try:
            taken = await person.says("/besitos")
        except aiohttp.ClientError:
            await anyio.sleep(0.05)
            continue
        told.append((taken["update_id"], at))
        await anyio.sleep(0.02)


def handled(database: Path, presses: int) -> bool:
    """Whether that many answers and edits wait for a Telegram that takes none."""
    with closing(opened(database)) as db:
        count = db.execute("SELECT count(*) FROM outbox_replies").fetchone()[0]
    return bool(count >= 2 * presses)


def choices(database: Path, person: Person) -> list[str]:
    """What the person has chosen, in order."""
    with closing(opened(database)) as db:
        row = one(db, "SELECT document FROM user_documents WHERE user_id = ?", person)
    made = orjson.loads(row[0])["current_state"]["narrative_progress"]["choices_made"]
    return [choice["choice"] for choice in made]


def updates_of(database: Path, person: Person) -> list[int]:
    """The updates of a person that had an effect, in the order of their effects."""
    events = """
        SELECT correlation_id FROM outbox_events
        WHERE user_id = ? AND name = 'update_received' ORDER BY sequence"""
    with closing(opened(database)) as db:
        rows = db.execute(events, (str(person.id),)).fetchall()
    return [int(key.rsplit(":")[-1]) for (key,) in rows]


def one(db: sqlite3.Connection, statement: str, person: Person) -> tuple[str, ...]:
    """The one row that the statement finds of this person."""
    (row,) = db.execute(statement, (str(person.id),)).fetchall()
    return tuple(row)
