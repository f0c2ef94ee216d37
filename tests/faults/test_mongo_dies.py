"""kill -9 of MongoDB and of the bot beside it: turns never wait, and both are level soon after."""

import re
from dataclasses import replace
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from tests.faults.test_deletion import asks_to_be_forgotten
from tests.faults.town import LEVEL_WITHIN, town
from tests.people import Person, buttons
from tests.processes import BotProcess
from tests.waiting import until
from yabot.commands.remote import Remote, fetch_tree
from yabot.domain.texts import ES
from yabot.stores.mongo.shapes import user_document
from yabot.stores.mongo.writes import Write

pytestmark = pytest.mark.anyio


def drawn(bot: BotProcess) -> str:
    """The bot's tree as its operator sees it."""
    return fetch_tree(Remote("127.0.0.1", bot.api_port), as_json=False)


async def test_turns_go_on_while_mongodb_is_dead_and_it_is_level_soon_after(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as it:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        async with it.load():
            await it.crowd.more(50)
            await it.server.kill()
            await it.crowd.more(200, deadline=15)
            await it.server.restart()
        await it.level()
        assert await it.verdict() == []


async def test_a_bot_that_dies_and_starts_while_mongodb_is_dead_levels_it_later(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as it:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        async with it.load():
            await it.crowd.more(50)
            await it.server.kill()
            await it.bot.kill()
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(50)
            async with aiohttp.ClientSession() as client:
                health = f"{it.bot.api_url}/health/database"
                async with client.get(health) as answer:
                    assert (await answer.json())["mongodb"] is False
                async with client.get(f"{it.bot.api_url}/metrics") as answer:
                    assert "yabot_documents_lag_seconds" in await answer.text()
            tree = await anyio.to_thread.run_sync(drawn, it.bot)
            assert re.search(r"mongo +DOWN", tree)
            assert re.search(r"sqlite +OK", tree)
            await it.server.restart()
        await it.level()
        assert await it.verdict() == []


async def test_a_server_that_is_killed_while_the_bot_starts_leaves_it_degraded(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, people=3) as it:
        await it.server.start()
        async with it.server.frozen():
            it.bot.start()
            await until(it.has_asked)
            await it.server.kill()
        await it.bot.ready()
        tree = await anyio.to_thread.run_sync(drawn, it.bot)
        assert re.search(r"mongo +DOWN", tree)
        async with it.load():
            await it.server.restart()
            await it.crowd.more(10)
        await it.level()
        assert await it.verdict() == []


async def test_a_bot_that_dies_between_bringing_and_marking_brings_twice_and_harms_nothing(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as it:
        await it.server.start()
        it.bot.start(YABOT_FAULT="after_apply:12")
        async with it.load():
            await it.bot.ended()
            it.bot.start()
            await it.bot.ready()
            await it.crowd.more(50)
        await it.level()
        assert await it.verdict() == []


async def test_who_comes_to_a_new_bot_before_mongodb_does_is_answered_when_it_is_there(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, people=0) as it, aiohttp.ClientSession() as client:
        it.bot.start()
        await it.bot.ready()
        person = Person(client, it.sandbox.url, 1)
        await person.says("/start")
        await person.says("/besitos")
        await person.sees(ES["in_a_moment"])
        assert it.unanswered() == 2
        assert it.here() == {}
        await it.server.start()
        await person.sees("Tienes 0 besitos", deadline=LEVEL_WITHIN)
        assert len(await texts(person)) == 3
        assert it.here() == {"1": (1, 2)}
        await it.level()
        assert await it.differences() == []
        assert await it.bot.stop() == 0


async def texts(person: Person) -> list[str]:
    """What the bot has said to the person."""
    messages = (await person.screen())["messages"]
    return [message["text"] for message in messages if message["from"]["is_bot"]]


async def test_who_is_forgotten_while_mongodb_is_dead_is_forgotten_there_too(
    tmp_path: Path,
) -> None:
    async with town(tmp_path, people=0) as it, aiohttp.ClientSession() as client:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        person = Person(client, it.sandbox.url, 101)
        _, question = await asks_to_be_forgotten(person)
        await it.level()
        await it.server.kill()
        await person.presses(question["message_id"], buttons(question)[0])
        await person.sees("ya no guardo nada de ti")
        await it.bot.kill()
        it.bot.start()
        await it.bot.ready()
        await it.server.restart()
        await it.level()
        kept = await it.documents.get("101")
        assert kept is not None
        assert kept.body is None
        assert await it.differences() == []
        assert await it.bot.stop() == 0


async def test_the_look_at_the_copies_can_fail(tmp_path: Path) -> None:
    async with town(tmp_path, people=4) as it:
        await it.server.start()
        it.bot.start()
        await it.bot.ready()
        async with it.load():
            await it.crowd.more(10)
        assert await it.verdict() == []
        first, second, third, _ = sorted(it.here())
        copy = await it.documents.get(first)
        assert copy is not None
        assert copy.body is not None
        changed = copy.body.replace(b'"theme":"default"', b'"theme":"dark"')
        assert changed != copy.body
        whole = user_document(replace(copy, body=changed))
        gone = replace(copy, body=None)
        writes = [
            Write({"_id": first}, whole),
            Write({"_id": second}, None),
            Write({"_id": third}, user_document(replace(gone, user_id=third, version=1_000))),
            Write({"_id": "1"}, user_document(replace(gone, user_id="1"))),
        ]
        assert not await it.database.write("users", writes)
        told = await it.differences()
        assert [line.split(":")[0] for line in told] == ["1", first, second, third]
        assert not await it.is_level()
