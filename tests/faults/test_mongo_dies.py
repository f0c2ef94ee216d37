"""kill -9 of MongoDB and of the bot beside it: turns never wait, and both are level soon after."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from tests.faults.audit import opened
from tests.faults.crowd import Crowd
from tests.faults.street import Street
from tests.people import Person
from tests.processes import BotProcess
from tests.servers.secantus import Secantus
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.remote import fetch_tree
from yabot.sandbox import Sandbox
from yabot.stores.mongo.address import MongoConfig
from yabot.stores.mongo.client import MongoDatabase

pytestmark = pytest.mark.anyio

LEVEL_WITHIN = 30.0
"""Seconds from the return of the server until it has everything."""

Places = dict[str, tuple[int, int]]


@dataclass
class Town(Street):
    """A street whose bot brings its documents to MongoDB."""

    server: Secantus
    database: MongoDatabase

    def here(self) -> Places:
        """Who is in the bot's database, in which version, in its present epoch."""
        with closing(opened(self.bot.database)) as db:
            rows = db.execute(
                "SELECT user_id, meta.epoch, version FROM user_documents, meta"
            ).fetchall()
        return {user_id: (epoch, version) for user_id, epoch, version in rows}

    def unanswered(self) -> int:
        """How many updates wait in the bot's inbox."""
        return self._count("SELECT count(*) FROM inbox WHERE processed_at IS NULL")

    async def there(self) -> Places:
        """Who is in MongoDB, in which version."""
        found = await self.database.find("users", {}, fields=["epoch", "version"], limit=1_000)
        return {str(one["_id"]): (_whole(one["epoch"]), _whole(one["version"])) for one in found}

    async def level(self) -> None:
        """Wait until both hold the same."""
        await until(self.is_level, deadline=LEVEL_WITHIN)

    async def is_level(self) -> bool:
        """Whether both hold the same."""
        try:
            return await self.there() == self.here()
        except StoreUnavailable:
            return False


def drawn(bot: BotProcess) -> str:
    """The bot's tree as its operator sees it."""
    return fetch_tree("127.0.0.1", bot.api_port, as_json=False)


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


@asynccontextmanager
async def town(folder: Path, *, people: int = 10) -> AsyncIterator[Town]:
    """Telegram with people in it; neither MongoDB nor the bot runs yet."""
    server = Secantus(folder / "mongo")
    database = MongoDatabase(MongoConfig(SecretStr(server.uri), "yabot"))
    async with Sandbox() as sandbox:
        settings = {"MONGODB_URI": server.uri, "MONGODB_DATABASE": "yabot"}
        async with BotProcess(folder, sandbox.url, settings) as bot:
            crowd = Crowd(sandbox, people)
            try:
                yield Town(sandbox, bot, crowd, server, database)
            finally:
                await database.close()
                server.end()


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
        await until(lambda: it.unanswered() == 1)
        with anyio.move_on_after(1.0) as waited:
            await until(lambda: it.here() != {})
        assert waited.cancelled_caught
        await it.server.start()
        await until(lambda: it.here() == {"1": (1, 1)}, deadline=LEVEL_WITHIN)
        await it.level()
        assert await it.bot.stop() == 0
