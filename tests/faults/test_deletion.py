"""A person is forgotten exactly once, wherever the bot dies; what waits comes after."""

import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.faults.audit import opened
from tests.people import Person, buttons
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

STRANGER = "Todavía no nos conocemos"
PRESSES = 5


@pytest.mark.parametrize("step", ["", "before_commit", "after_commit"])
async def test_a_person_is_forgotten_exactly_once_while_presses_wait_and_the_bot_dies(
    step: str, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as client:
        person = Person(client, sandbox.url, 101)
        async with BotProcess(tmp_path, sandbox.url) as bot:
            bot.start()
            await bot.ready()
            menu, question = await asks_to_be_forgotten(person)
            assert await bot.stop() == 0
            await person.presses(question["message_id"], buttons(question)[0])
            for _ in range(PRESSES):
                await person.presses(menu["message_id"], "menu:shop")

            bot.start(**({"YABOT_FAULT": f"{step}:1"} if step else {}))
            if step:
                assert await bot.ended() == -signal.SIGKILL
                assert is_forgotten(bot) == (step == "after_commit")
                bot.start()
            await person.sees("ya no guardo nada de ti")
            await all_is_done(bot)
            assert await strangers_told(person) == PRESSES
            assert is_forgotten(bot)
            assert rows(bot, "SELECT count(*) FROM outbox_events WHERE name = 'user_deleted'") == [
                (1,)
            ]
            assert rows(bot, "SELECT version FROM user_documents") == [(4,)]

            await person.says("/start")
            await person.sees("Soy YABOT", after=question["message_id"])
            await person.says("/besitos")
            await person.sees("Tienes 0 besitos", after=question["message_id"])
            assert rows(bot, "SELECT version FROM user_documents") == [(6,)]
            assert await bot.stop() == 0


async def asks_to_be_forgotten(person: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """Begin, earn, ask; the main menu and the question."""
    await person.says("/start")
    menu = await person.sees("Soy YABOT")
    await person.says("/daily")
    await person.sees("Ahora tienes 10")
    await person.says("/forget")
    return menu, await person.sees("¿Borro todo")


async def strangers_told(person: Person) -> int:
    """How many presses were answered as those of somebody whom the bot does not know."""
    answers = (await person.screen())["answers"]
    return sum(STRANGER in (answer.get("text") or "") for answer in answers)


async def all_is_done(bot: BotProcess) -> None:
    """Wait until nothing waits, neither to be handled nor to be sent."""
    waiting = """
        SELECT (SELECT count(*) FROM inbox WHERE processed_at IS NULL)
            + (SELECT count(*) FROM outbox_replies)"""
    await until(lambda: rows(bot, waiting) == [(0,)])


def is_forgotten(bot: BotProcess) -> bool:
    """Whether no profile is left; a half of a deletion fails here."""
    profiles = rows(bot, "SELECT count(*) FROM user_profiles")
    purses = rows(bot, "SELECT count(*) FROM wallets WHERE user_id = '101'")
    living = rows(bot, "SELECT count(*) FROM user_documents WHERE document IS NOT NULL")
    assert profiles == purses == living
    return profiles == [(0,)]


def rows(bot: BotProcess, sql: str) -> list[tuple[Any, ...]]:
    with closing(opened(bot.database)) as db:
        return db.execute(sql).fetchall()
