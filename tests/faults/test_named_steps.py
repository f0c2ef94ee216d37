"""The bot dies at a named step of the street, under load, and starts again: nothing breaks."""

import signal
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.faults.audit import opened
from tests.faults.recording import recording
from tests.faults.street import MODES, street
from tests.people import Person
from tests.processes import BotProcess
from yabot.faults import STEPS
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

FAULTS = {
    "after_inbox_write": 15,
    "before_commit": 20,
    "after_commit": 20,
    "after_send": 60,
    "after_apply": 40,
}
"""How often a step is passed before the bot dies there: well into the load."""


def test_every_named_step_is_tried() -> None:
    assert set(FAULTS) == set(STEPS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", FAULTS)
async def test_a_death_at_a_named_step_loses_nothing_and_repeats_nothing(
    step: str, mode: str, tmp_path: Path
) -> None:
    async with street(tmp_path, mode, redelivery=0.1, entry=recording) as it:
        it.bot.start(YABOT_FAULT=f"{step}:{FAULTS[step]}")
        async with it.load():
            assert await it.bot.ended() == -signal.SIGKILL
            assert it.crowd.presses > 0
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(200)
        assert await it.verdict() == []


@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
async def test_nothing_leaves_before_the_commit_and_everything_after_it(
    step: str, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox, aiohttp.ClientSession() as client:
        person = Person(client, sandbox.url, 1)
        async with BotProcess(tmp_path, sandbox.url) as bot:
            await person.says("/start")
            bot.start(YABOT_FAULT=f"{step}:1")
            assert await bot.ended() == -signal.SIGKILL
            assert len((await person.screen())["messages"]) == 1
            assert handled(bot) == (step == "after_commit")

            bot.start()
            await person.sees("Soy YABOT")
            assert handled(bot)
            assert await bot.stop() == 0


def handled(bot: BotProcess) -> bool:
    """Whether the one update is marked."""
    with closing(opened(bot.database)) as db:
        return db.execute("SELECT processed_at IS NOT NULL FROM inbox").fetchall() == [(1,)]
