"""The bot dies at a named step of the street, under load, and starts again: nothing breaks."""

import signal
from pathlib import Path

import pytest

from tests.faults.street import MODES, street
from yabot.faults import STEPS

pytestmark = pytest.mark.anyio

FAULTS = {
    "after_inbox_write": 15,
    "before_commit": 20,
    "after_commit": 20,
    "after_send": 60,
    "after_apply": 10,
}
"""How often a step is passed before the bot dies there: well into the load."""


def test_every_named_step_is_tried() -> None:
    assert set(FAULTS) == set(STEPS)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("step", FAULTS)
async def test_a_death_at_a_named_step_loses_nothing_and_repeats_nothing(
    step: str, mode: str, tmp_path: Path
) -> None:
    async with street(tmp_path, mode, redelivery=0.1) as it:
        it.bot.start(YABOT_FAULT=f"{step}:{FAULTS[step]}")
        async with it.load():
            assert await it.bot.ended() == -signal.SIGKILL
            assert it.crowd.presses > 0
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(200)
        assert await it.verdict() == []
