"""One change in two stores: the bot's database is the truth, and MongoDB follows it."""

import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.faults.test_full_disk import paid
from tests.faults.test_stopping import IN_TIME
from tests.faults.town import Town, town
from tests.flows.operator import operator
from tests.people import Person
from tests.waiting import until
from yabot.content.loader import load_content

pytestmark = pytest.mark.anyio

LAG = re.compile(r"^yabot_documents_lag_seconds (\S+)$", re.MULTILINE)


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[tuple[Town, Person]]:
    """MongoDB and the bot run, and one person has said hello."""
    async with town(folder, people=0) as it, aiohttp.ClientSession() as client:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        person = Person(client, it.sandbox.url, 1)
        await person.says("/start")
        await person.sees("Soy YABOT")
        await it.level()
        yield it, person


async def lag(it: Town, client: aiohttp.ClientSession) -> float:
    async with client.get(f"{it.bot.api_url}/metrics") as answer:
        found = LAG.search(await answer.text())
    assert found is not None
    return float(found[1])


async def test_a_death_before_the_commit_leaves_nothing_in_either_store(tmp_path: Path) -> None:
    async with town(tmp_path, people=0) as it, aiohttp.ClientSession() as client:
        await it.server.start()
        person = Person(client, it.sandbox.url, 1)
        await person.says("/start")
        it.bot.start(YABOT_FAULT="before_commit:1")
        assert await it.bot.ended() == -signal.SIGKILL
        assert it.unanswered() == 1
        assert it.here() == {}
        assert await it.there() == {}
        it.bot.start()
        await person.sees("Soy YABOT")
        await it.level()
        assert it.here() == {"1": (1, 1)}
        assert await it.differences() == []
        assert await it.bot.stop() == 0


@pytest.mark.parametrize("step", ["before_commit", "after_commit"])
async def test_who_repeats_a_request_that_died_unanswered_is_answered_and_pays_once(
    step: str, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as (it, person):
        token = (await operator(it.bot, "token", "shop")).told.strip()
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "payment-1"}
        movement = {"amount": 7, "reason": "payment-1"}
        url = f"{it.bot.api_url}/api/v1/user/1/besitos/transactions"
        assert await it.bot.stop() == 0
        it.bot.start(YABOT_FAULT=f"{step}:1")
        await it.bot.ready()
        with pytest.raises(aiohttp.ClientError):
            await person.client.post(url, json=movement, headers=headers)
        assert await it.bot.ended() == -signal.SIGKILL
        assert (paid(it.bot.database) != []) == (step == "after_commit")

        it.bot.start()
        await it.bot.ready()
        answers = []
        for _ in range(2):
            async with person.client.post(url, json=movement, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
                answers.append(await answer.json())
        assert answers[0] == answers[1]
        assert paid(it.bot.database) == ["payment-1"]
        await it.level()
        assert await it.differences() == []
        assert await it.bot.stop() == 0


async def test_between_the_two_stores_the_bots_own_is_the_truth_and_the_lag_is_shown(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as (it, person):
        token = (await operator(it.bot, "token", "shop")).told.strip()
        preferences = f"{it.bot.api_url}/api/v1/user/1/preferences"
        headers = {"Authorization": f"Bearer {token}"}
        async with person.client.get(preferences, headers=headers) as answer:
            seen = {**headers, "If-Match": answer.headers["ETag"]}
        async with it.server.frozen():
            chosen = {"language": "en"}
            async with person.client.put(preferences, json=chosen, headers=seen) as answer:
                assert answer.status == 200, await answer.text()
            async with person.client.get(preferences, headers=headers) as answer:
                assert (await answer.json())["language"] == "en"

            async def is_behind() -> bool:
                return await lag(it, person.client) > 0.5

            await until(is_behind)
            assert it.here() == {"1": (1, 2)}
        await it.level()
        copy = await it.documents.get("1")
        assert copy is not None
        assert copy.body is not None
        assert orjson.loads(copy.body)["preferences"]["language"] == "en"

        async def is_level() -> bool:
            return await lag(it, person.client) == 0.0

        await until(is_level)
        assert await it.bot.stop() == 0


async def test_a_stop_while_documents_are_on_their_way_is_in_time_and_loses_none(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, people=10) as it:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        async with it.load():
            await it.crowd.more(50)
            async with it.server.frozen():
                await it.crowd.more(50)
                began = time.monotonic()
                assert await it.bot.stop() == 0
                assert time.monotonic() - began < IN_TIME
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(20)
        assert await it.verdict() == []


async def test_other_services_find_the_story_and_the_items(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (it, _):
        content = load_content()
        items = await it.database.find("items", {}, limit=10)
        assert [item["item_id"] for item in items] == list(content.items)
        (besito,) = await it.database.find("items", {"type": "currency"})
        assert besito["name"] == "Besito Virtual"
        assert besito["created_at"] == "2025-01-15T08:00:00Z"
        fragments = await it.database.find("narrative_fragments", {}, limit=100)
        assert len(fragments) == sum(map(len, content.story.fragments.values()))
        assert await it.bot.stop() == 0
