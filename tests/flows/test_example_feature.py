"""The example of the documentation, put into the bot: a game whose state outlives a restart."""

import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import anyio
import pytest
from aiogram import Router

from examples import guess
from tests.people import Person
from tests.processes import TOKEN, free_port
from tests.waiting import until
from yabot.app import BotApplication
from yabot.config import ConfigManager
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.sandbox import Sandbox
from yabot.telegram.handlers import routers

pytestmark = pytest.mark.anyio


def with_the_game() -> Sequence[Router]:
    return [guess.router(), *routers()]


@asynccontextmanager
async def running(
    sandbox: Sandbox, database: Path, heard: list[BaseEvent] | None = None
) -> AsyncIterator[None]:
    """The bot with the game, in this process, from start to stop; `heard` gets its events."""

    async def hear(event: BaseEvent) -> None:
        if heard is not None:
            heard.append(event)

    def subscribe(bus: EventBus) -> None:
        bus.subscribe("guessed_right", hear, group="scores")

    config = ConfigManager.load(
        _env_file=None,
        bot_token=TOKEN,
        telegram_api_url=sandbox.url,
        sqlite_database_path=database,
        jwt_private_key_path=database.with_name("key.pem"),
        api_port=free_port(),
    )
    stop, ready = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        bot = BotApplication(config, routers=with_the_game, subscribe=subscribe)
        group.start_soon(_serve, bot, stop, ready)
        with anyio.fail_after(20):
            await ready.wait()
        yield
        stop.set()


async def _serve(application: BotApplication, stop: anyio.Event, ready: anyio.Event) -> None:
    await application.serve(stop, ready=ready.set)


def thought_of(database: Path, user_id: int) -> str:
    """The number that the bot has thought of, from the user's document."""
    with closing(sqlite3.connect(database)) as db:
        row = db.execute(
            "SELECT document FROM user_documents WHERE user_id = ?", (str(user_id),)
        ).fetchone()
    (conversation,) = json.loads(row[0])["conversations"].values()
    return str(conversation["data"]["number"])


async def test_a_game_goes_on_after_a_restart_and_pays_once(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    database = tmp_path / "yabot.db"
    winner, loser = Person(client, sandbox.url, 801), Person(client, sandbox.url, 802)
    async with running(sandbox, database):
        for player in (winner, loser):
            await player.says("/guess")
            await player.sees("I think of 1, 2 or 3")

    right = thought_of(database, winner.id)
    wrong = {"1": "2", "2": "3", "3": "1"}[thought_of(database, loser.id)]
    heard: list[BaseEvent] = []
    async with running(sandbox, database, heard):
        await winner.says(right)
        await winner.sees("Right! You have 3 besitos now")
        await until(lambda: bool(heard))
        await loser.says(wrong)
        await loser.sees("No, it was")

        await winner.says(right)
        await winner.sees("No te he entendido")
        await winner.says("/besitos")
        await winner.sees("Tienes 3 besitos")
    (event,) = heard
    assert (event.user_id, event.payload) == (str(winner.id), {"number": right})
    assert event.sequence > 0
    assert event.causation_id.startswith("tg:")


async def test_the_bot_answers_as_ever_beside_the_game(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    person = Person(client, sandbox.url, 803)
    async with running(sandbox, tmp_path / "yabot.db"):
        await person.says("2")
        await person.sees("No te he entendido")
        await person.says("/start")
        await person.sees("¡Qué bien verte otra vez")
