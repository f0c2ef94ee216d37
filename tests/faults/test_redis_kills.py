"""kill -9 of Redis and of the bot beside it: every event is in its stream, in order.

A failure is tried again by
`python -m tests.faults.redis --kills 5 --dies VICTIM --memory MEMORY --seed SEED`.
"""

import json
import random
import re
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from tests.events.consumers import Heard, event
from tests.events.streams import broken, held, repeated
from tests.faults.audit import waiting
from tests.faults.redis import Memory, Victim, misheard, torment
from tests.faults.street import Street, street
from tests.faults.test_mongo_dies import drawn
from tests.servers.valkey import Valkey, reaching
from tests.waiting import until

pytestmark = pytest.mark.anyio


async def page(it: Street, path: str) -> str:
    """A page of the bot's API."""
    async with aiohttp.ClientSession() as client, client.get(f"{it.bot.api_url}{path}") as answer:
        return await answer.text()


async def asked(it: Street, path: str) -> dict[str, object]:
    """What a page of JSON says."""
    told: dict[str, object] = json.loads(await page(it, path))
    return told


async def shows(it: Street, pattern: str) -> None:
    """Wait until the bot's tree, as its operator sees it, holds the pattern."""

    async def is_shown() -> bool:
        tree = await anyio.to_thread.run_sync(drawn, it.bot)
        return re.search(pattern, tree) is not None and "hidden-word" not in tree

    await until(is_shown)


async def all_taken(it: Street) -> None:
    """Wait until every relay has taken every event."""
    await until(lambda: not waiting(it.bot.database), deadline=30)


@pytest.mark.parametrize("memory", ["keeps", "forgets"])
@pytest.mark.parametrize("dies", ["server", "both"])
async def test_five_kills_under_load_lose_no_event_and_mix_up_nobodys(
    dies: Victim, memory: Memory, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    outcome = await torment(tmp_path, kills=5, dies=dies, memory=memory, seed=seed)
    print(outcome.told())
    assert not outcome.broken
    assert outcome.events > 200


def test_the_look_at_streams_and_groups_can_fail() -> None:
    committed = [(f"e{number}", "1", number) for number in (1, 2, 3)]
    found = [event("1", number) for number in (1, 3, 2)]
    assert broken(committed, found) == [
        "1: 2 came after 3",
        "3 events lost, such as ('e1', '1', 1)",
    ]
    for heard in ([1, 2], [1, 3, 2], [1, 2, 2, 3]):
        (told,) = misheard(committed, Heard([("1", number) for number in heard]))
        assert told.startswith("1: 3 events")
    assert misheard(committed, Heard([("1", 1), ("1", 2), ("1", 3)])) == []


@pytest.mark.parametrize("passes", [7, 12, 25])
async def test_a_bot_that_dies_before_a_relay_marks_what_it_applied_loses_and_repeats_nothing(
    passes: int, tmp_path: Path
) -> None:
    server = Valkey(tmp_path / "valkey")
    async with street(tmp_path, "polling", people=10) as it:
        try:
            await server.start()
            it.bot.start(REDIS_URL=server.url, YABOT_FAULT=f"after_apply:{passes}")
            async with it.load():
                await it.bot.ended()
                it.bot.start(REDIS_URL=server.url)
                await it.bot.ready()
                await it.crowd.more(50)
            assert await it.verdict() == []
            async with reaching(server.url) as client:
                assert repeated(await held(client)) == 0
        finally:
            server.end()


async def test_a_bot_starts_and_answers_without_redis_and_shows_what_waits(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "valkey", password="hidden-word")
    async with street(tmp_path, "polling", people=10) as it:
        try:
            settings = {"REDIS_URL": server.url, "REDIS_PASSWORD": "hidden-word"}
            it.bot.start(**settings)
            await it.bot.ready()
            async with it.load():
                await it.crowd.more(100)
                await shows(it, r"redis_bridge +DOWN .* breaker \S+ \(ConnectionError\)")
                await shows(it, r"outbox [1-9]\d*, oldest \d+ s")
                assert await asked(it, "/health/redis") == {"connected": False, "latency_ms": None}
                await server.start()

                async def is_back() -> bool:
                    health = await asked(it, "/health/redis")
                    return health["connected"] is True and isinstance(health["latency_ms"], float)

                await until(is_back, deadline=30)
            await all_taken(it)
            await shows(it, r"redis_bridge OK, breaker closed, outbox 0")
            metrics = await page(it, "/metrics")
            assert 'yabot_redis_bridge{what="waiting"} 0.0' in metrics
            assert re.search(r"yabot_event_publish_latency_seconds_count [1-9]", metrics)
            assert await it.verdict() == []
            assert "hidden-word" not in it.bot.told()
        finally:
            server.end()
