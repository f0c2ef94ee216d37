"""An operator finds what failed, mends it, and has it tried again, with the bot or without."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.flows.mended import BROKEN, HEARD, mended
from tests.flows.operator import FAILED, operator
from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

APOLOGY = "Algo ha fallado"
WORKS = "It works now"


@pytest.fixture
async def bot(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with BotProcess(tmp_path, sandbox.url, entry=mended) as bot:
        (bot.folder / BROKEN).touch()
        yield bot


@pytest.fixture
def ana(sandbox: Sandbox, client: aiohttp.ClientSession) -> Person:
    return Person(client, sandbox.url, 101)


async def listed(bot: BotProcess, *options: str) -> list[dict[str, Any]]:
    """What `dead-letters list --json` shows."""
    done = await operator(bot, "dead-letters", "list", "--json", *options)
    assert done.code == 0, done.told
    letters: list[dict[str, Any]] = json.loads(done.told)
    return letters


async def wait_for_letters(bot: BotProcess, number: int) -> list[dict[str, Any]]:
    """The letters, once there are so many."""
    found: list[dict[str, Any]] = []

    async def are_there() -> bool:
        found[:] = await listed(bot)
        return len(found) == number

    await until(are_there, deadline=40)
    return found


async def test_what_failed_is_found_shown_and_tried_again_by_the_bot_that_runs(
    bot: BotProcess, ana: Person
) -> None:
    bot.start()
    await bot.ready()
    await ana.says("/start")
    await ana.sees("Soy YABOT")
    await ana.says("/fragile")
    await ana.sees(APOLOGY)
    letters = {letter["kind"]: letter for letter in await wait_for_letters(bot, 2)}
    assert letters.keys() == {"update", "event"}
    update, event = letters["update"], letters["event"]
    assert update["user_id"] == event["user_id"] == "101"
    assert "nobody has mended this yet" in update["error"]
    assert event["key"].startswith("greeters:")
    assert await listed(bot, "--kind", "event") == [event]
    shown = await operator(bot, "dead-letters", "show", update["id"])
    assert '"text": "/fragile"' in shown.told

    again = await operator(bot, "dead-letters", "replay", event["id"])
    assert again.code == 0, again.told
    await until(lambda: "event.replayed" in bot.told())
    assert len(await listed(bot)) == 2

    (bot.folder / BROKEN).unlink()
    for letter in (update, event):
        done = await operator(bot, "dead-letters", "replay", letter["id"])
        assert done.code == 0, done.told
    await ana.sees(WORKS)
    heard = bot.folder / HEARD
    await until(lambda: heard.exists() and heard.read_text() == "101 user_registered\n")
    assert await wait_for_letters(bot, 0) == []
    assert await bot.stop() == 0


async def test_what_goes_back_without_a_bot_is_handled_by_the_next_one(
    bot: BotProcess, ana: Person
) -> None:
    bot.start()
    await bot.ready()
    await ana.says("/start")
    await ana.sees("Soy YABOT")
    await ana.says("/fragile")
    await ana.sees(APOLOGY)
    letters = await wait_for_letters(bot, 2)
    assert await bot.stop() == 0

    (bot.folder / BROKEN).unlink()
    for letter in letters:
        done = await operator(bot, "dead-letters", "replay", letter["id"])
        assert done.code == 0, done.told
    assert {one["kind"] for one in await listed(bot)} == {"event"}
    bot.start()
    await ana.sees(WORKS, deadline=30)
    heard = bot.folder / HEARD
    await until(lambda: heard.exists() and heard.read_text() == "101 user_registered\n")
    assert await wait_for_letters(bot, 0) == []


async def test_a_letter_is_removed_only_by_who_means_it(bot: BotProcess, ana: Person) -> None:
    bot.start()
    await bot.ready()
    await ana.says("/start")
    (letter,) = await wait_for_letters(bot, 1)
    asked = await operator(bot, "dead-letters", "discard", letter["id"])
    assert asked.code != 0
    assert await listed(bot) == [letter]
    done = await operator(bot, "dead-letters", "discard", letter["id"], "--yes")
    assert done.code == 0, done.told
    assert await listed(bot) == []
    shown = await operator(bot, "dead-letters", "list")
    assert "there are no dead letters" in shown.told
    for command in (["replay", letter["id"]], ["discard", "999", "--yes"], ["show", "x"]):
        refused = await operator(bot, "dead-letters", *command)
        assert refused.code == FAILED
        assert "no dead letter" in refused.told


async def test_without_a_database_there_is_one_line(bot: BotProcess) -> None:
    for command in ("dead-letters list", "events tail"):
        refused = await operator(bot, *command.split())
        assert refused.code == FAILED
        assert "there is no database at" in refused.told
