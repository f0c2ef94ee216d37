"""Another service puts events on the bot's stream: they become commands to the users they name."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tests.flows.operator import FAILED, operator
from tests.people import Person
from tests.processes import BotProcess
from tests.servers.valkey import Valkey
from tests.waiting import until
from yabot.events.envelope import CloudEvent
from yabot.events.streams import EXTERNAL_STREAM, FIELD
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bot(sandbox: Sandbox, tmp_path: Path, valkey: Valkey) -> AsyncIterator[BotProcess]:
    settings = {"REDIS_URL": valkey.url}
    async with BotProcess(tmp_path, sandbox.url, settings) as bot:
        yield bot


async def tell(valkey: Valkey, event_id: str, type_: str, data: dict[str, object]) -> None:
    """Put an event of user 101 on the stream."""
    at = datetime.now(UTC)
    told = CloudEvent(event_id, type_, at, subject="101", source="/shop", data=data)
    await valkey.ask("XADD", EXTERNAL_STREAM, "*", FIELD, told.to_json())


async def test_what_another_service_tells_of_a_user_takes_effect_once(
    bot: BotProcess, sandbox: Sandbox, client: aiohttp.ClientSession, valkey: Valkey
) -> None:
    ana = Person(client, sandbox.url, 101)
    bot.start()
    await bot.ready()
    await ana.says("/start")
    await ana.sees("Soy YABOT")
    granted = "yabot.external.besitos.granted.v1"
    for _ in range(3):
        await tell(valkey, "gift-1", granted, {"amount": 7, "reason": "birthday"})
    await tell(valkey, "odd-1", "yabot.external.nonsense.v1", {"x": 1})
    await tell(valkey, "notice-1", "yabot.external.notice.v1", {"text": "Hello from the shop"})
    await ana.sees("Hello from the shop")

    async def is_empty() -> bool:
        return await valkey.ask("XLEN", EXTERNAL_STREAM) == 0

    await until(is_empty)
    listed = await operator(bot, "dead-letters", "list", "--json")
    (letter,) = json.loads(listed.told)
    assert letter["id"].startswith("external/")
    assert letter["key"] == "external:odd-1"
    assert "yabot.external.nonsense.v1" in letter["error"]
    assert amounts(bot) == [7]
    shown = await operator(bot, "dead-letters", "show", letter["id"], "--json")
    assert json.loads(shown.told) == letter
    for unknown in (f"{letter['id']}1", "nobody/1-1", "external/x"):
        refused = await operator(bot, "dead-letters", "show", unknown)
        assert refused.code == FAILED, refused.told
    done = await operator(bot, "dead-letters", "discard", letter["id"], "--yes")
    assert done.code == 0, done.told
    assert await bot.stop() == 0


def amounts(bot: BotProcess) -> list[int]:
    """What the ledger says was granted."""
    with closing(sqlite3.connect(f"file:{bot.database}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT amount FROM ledger WHERE reason = 'birthday'").fetchall()
    return [amount for (amount,) in rows]
