"""A person looks at their data, has them forgotten, and begins anew."""

import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.people import Person, buttons
from tests.processes import BotProcess
from tests.stores.traces import places_of
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("language", ["es", "en"])
async def test_a_person_is_forgotten_and_greeted_as_somebody_new(
    language: str, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    person = Person(client, sandbox.url, 7007)
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        await person.says("/start")
        await person.sees("Soy YABOT")
        await person.says("/settings")
        settings = await person.sees("Idioma")
        if language == "en":
            await person.presses(settings["message_id"], "set:language:en")
            await person.sees("Language: English")
        await person.presses(settings["message_id"], "mydata")
        await person.sees('"telegram_user_id": 7007')
        await person.presses(settings["message_id"], "forget")
        question = await person.sees("¿Borro todo" if language == "es" else "Shall I delete")
        await person.presses(question["message_id"], buttons(question)[0])
        goodbye = await person.sees("¡Adiós!" if language == "es" else "Bye!")
        assert goodbye["message_id"] == question["message_id"]
        assert buttons(goodbye) == []
        await until(lambda: "7007" not in pending(bot.database))
        named = {place for place in places_of(bot.database, "7007") if "event" not in place}
        assert named == {"user_documents.user_id"}

        last = (await person.screen())["messages"][-1]["message_id"]
        await person.says("/start")
        await person.sees("Soy YABOT", after=last)
        assert await bot.stop() == 0


def pending(database: Path) -> list[str]:
    """Whose calls wait to be sent."""
    with closing(sqlite3.connect(database)) as db:
        return [user_id for (user_id,) in db.execute("SELECT user_id FROM outbox_replies")]
