"""What the API has told holds across kill -9: tags, cursors, and answers under a key."""

import re
import sys
from pathlib import Path

import aiohttp
import anyio
import pytest

from tests.flows.calling import caller, greeted, token_of
from tests.processes import ROOT, BotProcess
from yabot.client import Movement, PreferencesChange, Refused
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

READS = (
    "state",
    "preferences",
    "profile",
    "subscription",
    "besitos",
    "besitos/transactions?limit=1",
)


async def test_tags_cursors_and_answers_outlive_the_process(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        headers = {"Authorization": f"Bearer {token_of(bot)}"}

        async def tags() -> list[tuple[str, bytes]]:
            found = []
            for what in READS:
                url = f"{bot.api_url}/api/v1/user/7/{what}"
                async with client.get(url, headers=headers) as answer:
                    assert answer.status == 200
                    found.append((answer.headers["ETag"], await answer.read()))
            return found

        async with caller(bot) as api:
            await greeted(api, client, sandbox.url, [7])
            first = await api.create_transaction("7", Movement(amount=5, reason="one"), key="k1")
            await api.create_transaction("7", Movement(amount=6, reason="two"), key="k2")
            before = await tags()
            await bot.kill()
            bot.start()
            await bot.ready()
            assert await tags() == before
            again = await api.create_transaction("7", Movement(amount=5, reason="one"), key="k1")
            assert (again.body, again.replayed, first.replayed) == (first.body, True, False)
            with pytest.raises(Refused, match="key_reused"):
                await api.create_transaction("7", Movement(amount=50, reason="one"), key="k1")
            tag = before[1][0]
            change = PreferencesChange(theme="dark")
            assert (await api.put_preferences("7", change, if_match=tag)).body.theme == "dark"
            assert [line.amount async for line in api.transactions("7")] == [6, 5]
        assert await bot.stop() == 0


async def test_the_example_of_another_service_gives_once_however_often_it_runs(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        async with caller(bot) as api:
            await greeted(api, client, sandbox.url, [7])
            env = {"YABOT_URL": bot.api_url, "YABOT_TOKEN": token_of(bot), "PYTHONPATH": str(ROOT)}
            command = [sys.executable, str(ROOT / "examples" / "gift_client.py"), "7", "2026-04"]
            told = []
            for _ in range(2):
                with anyio.fail_after(60):
                    told.append((await anyio.run_process(command, env=env)).stdout.decode())
            assert re.fullmatch(r"done: balance 25\s*", told[0])
            assert re.fullmatch(r"again: balance 25\s*", told[1])
            assert (await api.get_besitos("7")).body.balance == 25
        assert await bot.stop() == 0
