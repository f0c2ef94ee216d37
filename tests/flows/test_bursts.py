"""Two hundred people press all five buttons of the square at the same moment."""

import random
from pathlib import Path

import aiohttp
import pytest

from tests.faults.crowd import SQUARE, Walker
from tests.faults.street import MODES, street
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

PEOPLE = 200


@pytest.mark.parametrize("mode", MODES)
async def test_no_press_of_a_burst_is_lost_or_doubled_and_each_persons_stay_in_order(
    mode: str, tmp_path: Path
) -> None:
    rng = random.Random(5)
    async with street(tmp_path, mode, people=PEOPLE) as it:
        it.bot.start()
        await it.crowd.each(at_square)
        burst = {
            walker: rng.sample(walker.buttons("story"), 5) for walker in it.crowd.walkers.values()
        }
        before = it.crowd.presses
        for turn in range(5):
            for walker, order in burst.items():
                walker.press_at_once([order[turn]])
        assert it.crowd.presses - before == 5 * PEOPLE

        await it.crowd.each(Walker.settled)
        assert await it.verdict() == []
        assert it.calls_committed() == await calls_made(it.sandbox)
        for walker, order in burst.items():
            ways = [way for way in order if not way.endswith("azotea")]
            assert [f"story:{SQUARE}:{made[2]}" for made in walker.journey.choices[-4:]] == ways


async def calls_made(sandbox: Sandbox) -> int:
    """How many calls of handlers have come to Telegram."""
    url = f"{sandbox.url}/sandbox/stats"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        made = (await answer.json())["calls_by_method"]
    return sum(made[name] for name in ("sendMessage", "editMessageText", "answerCallbackQuery"))


async def at_square(walker: Walker) -> None:
    await walker.arrive()
    await walker.go_to_square()
