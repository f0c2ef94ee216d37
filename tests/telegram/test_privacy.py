"""Seeing one's data and having it forgotten, in the chat."""

import html
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import orjson
import pytest
from aiogram import Bot

from actors import ActorSystem
from tests.fakes import MemoryStores, MemoryUsers
from tests.telegram.clock import Clock
from tests.telegram.turns import params
from tests.telegram.updates import message, press
from tests.waiting import until
from yabot.content.loader import load_story
from yabot.domain.commands import Command, MoveBesitos
from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.domain.values import UserId
from yabot.services.all import Services
from yabot.telegram.dispatch import TurnHandler, build_dispatcher
from yabot.telegram.handlers import routers
from yabot.telegram.handlers.privacy import PIECE, YES_COUNTS
from yabot.telegram.notices import render
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import Arrival, Export
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

Json = dict[str, object]


class KnownExports:
    """UserExports that tell what they were given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sections: dict[str, list[Json]] = {}

    async def export(self, user_id: UserId) -> Export | None:
        return Export(user_id, self._clock(), self.sections)  # type: ignore[arg-type]


class Chat:
    """User 7 in a private chat with the whole bot, over stores in memory."""

    def __init__(self, bot: Bot, stores: MemoryStores, clock: Clock, system: ActorSystem) -> None:
        self._bot = bot
        self._stores = stores
        self.exports = KnownExports(clock)
        parts = UserParts(stores.users, self._handle, render, clock)
        self._users = UserDirectory(system, parts, stores.inbox)
        services = Services.over(self._users, load_story(None), self.exports, stores.users)
        data = {
            "users": services.users,
            "narrative": services.narrative,
            "subscriptions": services.subscriptions,
            "coordinator": services.coordinator,
            "gifts": services.gifts,
        }
        dispatcher = build_dispatcher(routers(), default_language="es", data=data)
        self._handler = TurnHandler(bot, dispatcher)

    async def _handle(self, turn: Turn, update: Mapping[str, object]) -> None:
        await self._handler(turn, update)

    async def does(self, update: Mapping[str, object]) -> list[Json]:
        """The update's whole turn; what it left for Telegram."""
        number = update["update_id"]
        assert isinstance(number, int)
        before = len(self._stores.users.commits)
        for mail in await self._stores.inbox.accept([Arrival("7", 42, number, update, b"{}")]):
            self._users.deliver(mail)
        await until(lambda: len(self._stores.users.commits) > before)
        return [
            {"method": call.method, **params(call)} for call in self._stores.users.commits[-1].calls
        ]

    async def apply(self, command: Command) -> None:
        await self._users.apply("7", command)

    async def asks(self) -> str:
        """Ask to be forgotten; the data of the button that says yes."""
        (question,) = await self.does(message("/forget"))
        return buttons(question)[0]

    async def is_known(self) -> bool:
        return await self._users.get("7") is not None


def buttons(shown: Json) -> list[str]:
    markup = shown["reply_markup"]
    assert isinstance(markup, dict)
    return [button["callback_data"] for row in markup["inline_keyboard"] for button in row]


@pytest.fixture
async def chat(bot: Bot, stores: MemoryStores, clock: Clock) -> AsyncIterator[Chat]:
    async with ActorSystem() as system:
        yield Chat(bot, stores, clock, system)


def from_a_speaker_of(language: Language, update: Json) -> Json:
    """The same update from somebody whose Telegram is in that language."""
    kind = next(name for name in update if name != "update_id")
    event = update[kind]
    assert isinstance(event, dict)
    sender = {"id": 7, "is_bot": False, "first_name": "Ana", "language_code": language}
    return {**update, kind: {**event, "from": sender}}


@pytest.mark.parametrize("language", ["es", "en"])
async def test_who_asks_and_says_yes_is_forgotten_with_a_goodbye_and_begins_anew(
    chat: Chat, users: MemoryUsers, language: Language
) -> None:
    await chat.does(from_a_speaker_of(language, message("/start")))
    await chat.apply(MoveBesitos(amount=30, reason="test"))
    (question,) = await chat.does(from_a_speaker_of(language, message("/forget")))
    assert question["text"] == say(language, "forget", balance=30)
    yes, no = buttons(question)
    assert no == "menu:settings"

    goodbye, answer = await chat.does(from_a_speaker_of(language, press(yes)))
    assert (goodbye["method"], goodbye["text"]) == ("editMessageText", say(language, "forgotten"))
    assert "reply_markup" not in goodbye
    assert answer["method"] == "answerCallbackQuery"
    assert not await chat.is_known()

    (hello,) = await chat.does(from_a_speaker_of(language, message("/start")))
    assert hello["text"] == say(language, "welcome", name="Ana")
    stored = await users.load("7")
    assert stored.user is not None
    assert stored.user.balance == 0


async def test_the_button_of_the_settings_asks_and_deletes_nothing(chat: Chat) -> None:
    (settings,) = await chat.does(message("/settings"))
    assert "forget" in buttons(settings)
    question, _ = await chat.does(press("forget"))
    assert buttons(question)[0].startswith("forget:7:")
    assert await chat.is_known()
    menu, _ = await chat.does(press(buttons(question)[1]))
    assert "forget" in buttons(menu)
    assert await chat.is_known()


async def test_a_yes_to_an_old_question_deletes_nothing(chat: Chat, clock: Clock) -> None:
    yes = await chat.asks()
    clock.now += timedelta(seconds=YES_COUNTS + 1)
    (answer,) = await chat.does(press(yes))
    assert answer["text"] == say("en", "button_outdated")
    assert await chat.is_known()


async def test_a_yes_of_before_a_deletion_does_not_delete_who_came_back(
    chat: Chat, clock: Clock
) -> None:
    yes = await chat.asks()
    await chat.does(press(yes))
    clock.now += timedelta(seconds=1)
    await chat.does(message("/start"))
    (answer,) = await chat.does(press(yes))
    assert answer["text"] == say("en", "button_outdated")
    assert await chat.is_known()


@pytest.mark.parametrize("data", ["forget:8:{now}", "forget:7:{later}", "forget:7:soon", "forget:"])
async def test_a_yes_that_was_asked_of_nobody_here_deletes_nothing(
    chat: Chat, clock: Clock, data: str
) -> None:
    await chat.does(message("/start"))
    now = int(clock.now.timestamp())
    (answer,) = await chat.does(press(data.format(now=now, later=now + 60)))
    assert answer["text"] == say("en", "button_outdated")
    assert await chat.is_known()


async def test_old_buttons_bring_nobody_back_who_was_forgotten(chat: Chat) -> None:
    yes = await chat.asks()
    await chat.does(press(yes))
    for data in (yes, "menu:shop", "story", "daily", "mydata", "no such button"):
        (answer,) = await chat.does(press(data))
        assert (answer["method"], answer["text"]) == (
            "answerCallbackQuery",
            say("en", "user_unknown"),
        )
        assert not await chat.is_known()


@pytest.mark.parametrize("way", ["command", "button"])
async def test_ones_own_data_are_told_in_pieces_that_telegram_takes(chat: Chat, way: str) -> None:
    await chat.does(message("/start"))
    chat.exports.sections = {
        "profile": [{"first_name": "<Ana>" * 800}],
        "ledger": [{"amount": 1}, {"amount": 2}],
    }
    calls = await chat.does(message("/mydata") if way == "command" else press("mydata"))
    if way == "button":
        assert calls.pop()["method"] == "answerCallbackQuery"
    title, *pieces = calls
    assert title["text"] == say("en", "my_data")
    assert len(pieces) == 2
    shown = [str(piece["text"]).removeprefix("<pre>").removesuffix("</pre>") for piece in pieces]
    assert all("<" not in text and len(html.unescape(text)) <= PIECE for text in shown)
    assert orjson.loads(html.unescape("".join(shown))) == {
        "profile": chat.exports.sections["profile"],
        "ledger": 2,
    }
    assert all(call["chat_id"] == 7 for call in calls)
