"""A stop under load: in order, in time, and nothing is lost by it."""

import signal
import time
from pathlib import Path

import aiohttp
import pytest

from tests.faults.fragile import fragile
from tests.faults.street import MODES, street
from tests.people import Person

pytestmark = pytest.mark.anyio

IN_TIME = 20.0
"""Seconds within which a stop must be over, whatever waits."""


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["sigterm", "sigint"])
async def test_a_stop_under_load_is_in_time_and_loses_nothing(
    number: signal.Signals, mode: str, tmp_path: Path
) -> None:
    async with street(tmp_path, mode, people=30, redelivery=0.1) as it:
        it.bot.start()
        async with it.load():
            await it.crowd.more(100)
            began = time.monotonic()
            assert await it.bot.stop(number) == 0
            assert time.monotonic() - began < IN_TIME
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(100)
        assert await it.verdict() == []
    assert it.bot.told().count('"process.stopped"') == 2


async def test_a_stop_waits_neither_for_a_long_handler_nor_for_telegram_for_ever(
    tmp_path: Path,
) -> None:
    place = street(tmp_path, "polling", people=20, entry=fragile)
    async with place as it, aiohttp.ClientSession() as client:
        sleeper = Person(client, it.sandbox.url, 1)
        it.bot.start(SLEEP="60", TURN_TIMEOUT="120")
        async with it.load():
            await it.crowd.more(50)
            await sleeper.says("/sleep")
            await it.crowd.more(50)
            for method in ("sendMessage", "editMessageText", "answerCallbackQuery"):
                order = {"method": method, "status": 503, "times": 0}
                async with client.post(f"{it.sandbox.url}/sandbox/faults", json=order) as answer:
                    assert answer.status == 200
            began = time.monotonic()
            assert await it.bot.stop() == 0
            assert time.monotonic() - began < IN_TIME
            left = f'"updates_left":1,"replies_left":{it.waiting_calls()},'
            assert left in it.bot.told()
            assert it.waiting_calls() > 0

            await client.delete(f"{it.sandbox.url}/sandbox/faults")
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(50)
        await sleeper.sees("awake")
        assert await it.verdict() == []
