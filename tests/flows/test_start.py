"""A person plays, the bot ends and starts again, and everything is as the person left it."""

import signal
from pathlib import Path

import aiohttp
import pytest

from tests.people import Person, buttons
from tests.processes import BotProcess, free_port
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("mode", "fresh"), [("polling", True), ("webhook", False)], ids=["polling", "webhook"]
)
async def test_a_person_plays_and_finds_everything_again_after_a_stop_and_after_a_kill(
    mode: str, fresh: bool, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    person = Person(client, sandbox.url, 700)
    async with BotProcess(tmp_path, sandbox.url, {"UPDATES_MODE": mode}, fresh=fresh) as bot:
        bot.start()
        await bot.ready()
        await plays_the_story(person)
        await spends_what_was_earned(person)
        await changes_the_language(person)
        await says_what_the_bot_does_not_know(person)

        assert await bot.stop(signal.SIGINT) == 0
        assert '"updates_left":0,"replies_left":0' in bot.told()
        bot.fresh = False
        bot.start()
        await bot.ready()
        await finds_everything_again(person)

        await bot.kill()
        bot.start()
        await bot.ready()
        await finds_everything_again(person)
        assert await bot.stop(signal.SIGTERM) == 0


async def test_the_demo_needs_no_settings_and_keeps_everything(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"SANDBOX_PORT": str(port), "BOT_TOKEN": ""}
    person = Person(client, f"http://127.0.0.1:{port}", 701)
    async with BotProcess(tmp_path, "", settings, command="demo") as demo:
        demo.start()
        await demo.ready()
        await person.says("/start")
        await person.sees("Soy YABOT")
        await person.says("/daily")
        await person.sees("Ahora tienes 10")
        assert await demo.stop(signal.SIGINT) == 0

        demo.start()
        await demo.ready()
        assert await person.sees("Ahora tienes 10")
        await person.says("/besitos")
        await person.sees("Tienes 10 besitos")
        assert await demo.stop(signal.SIGTERM) == 0


async def plays_the_story(person: Person) -> None:
    """From /start to a hint: 5 besitos in the letter, 10 in the bread, 5 for a heart, 10 a day."""
    await person.says("/start")
    menu = await person.sees("Soy YABOT")
    assert buttons(menu)[0] == "story"
    number = menu["message_id"]
    await person.presses(number, "story")
    await person.sees("La noche sin faro")
    await person.presses(number, "story:start:carta")
    await person.told("+5 besitos")
    await person.sees("La carta del beso")
    await person.presses(number, "story:carta:plaza")
    await person.sees("La plaza de las velas")
    await person.presses(number, "story:plaza:azotea")
    await person.told("es para VIP")
    await person.presses(number, "story:plaza:panaderia")
    await person.sees("La panadería de Remedios")
    await person.presses(number, "story:panaderia:ayudar")
    await person.told("+10 besitos")
    bread = await person.sees("Lo que había en el pan")
    assert bread["message_id"] == number
    await person.presses(number, "react:horno:heart")
    await person.told("Pista: La llave con forma de pez")
    await person.presses(number, "react:horno:fire")
    await person.told("¡Anotado!")
    await person.says("/daily")
    await person.sees("10 besitos para ti. Ahora tienes 30")
    await person.says("/daily")
    await person.sees("Ya recogiste el regalo de hoy")


async def spends_what_was_earned(person: Person) -> None:
    """30 besitos are too few for one plan and enough for the other."""
    await person.says("/shop")
    shop = await person.sees("Tu plan: free")
    assert "Tienes 30 besitos" in shop["text"]
    await person.presses(shop["message_id"], "buy:vip")
    await person.told("cuesta 50 y tienes 30")
    await person.presses(shop["message_id"], "buy:premium")
    await person.told("Tu plan premium dura hasta")
    assert "Tienes 10 besitos" in (await person.sees("Tu plan: premium"))["text"]


async def changes_the_language(person: Person) -> None:
    """From Spanish to English."""
    await person.says("/settings")
    settings = await person.sees("Idioma: español")
    await person.presses(settings["message_id"], "set:language:en")
    await person.sees("Language: English")


async def says_what_the_bot_does_not_know(person: Person) -> None:
    """Neither a command nor a text is left without help."""
    await person.says("/unknown")
    await person.sees("/help tells what I can do")
    await person.says("good evening")
    await person.sees("/menu shows what we can do")


async def finds_everything_again(person: Person) -> None:
    """Place, purse, plan and language, in messages that were not there before."""
    before = (await person.screen())["messages"][-1]["message_id"]
    for command, text in {
        "/start": "Good to see you again",
        "/story": "What was in the bread",
        "/besitos": "You have 10 besitos",
        "/daily": "You took today's gift already",
        "/shop": "Your plan: premium",
        "/settings": "Language: English",
    }.items():
        await person.says(command)
        seen = await person.sees(text, after=before)
        before = seen["message_id"]
