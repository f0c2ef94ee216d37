"""Giving besitos in the chat, and being told how it ended."""

from collections.abc import AsyncIterator

import orjson
import pytest
from aiogram import Bot

from actors import ActorSystem
from tests.domain.strategies import NOON
from tests.fakes import MemoryStores
from tests.telegram.clock import Clock
from tests.telegram.test_privacy import Chat
from tests.telegram.turns import params
from tests.telegram.updates import CHAT, message
from yabot.domain.commands import MoveBesitos, RegisterUser
from yabot.domain.decision import Decision, Notice
from yabot.domain.texts import say
from yabot.domain.users import register
from yabot.telegram.notices import ALERT, render
from yabot.users.ports import Commit, Stored
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

LUZ: dict[str, object] = {"id": 8, "is_bot": False, "first_name": "Luz"}
BOT: dict[str, object] = {"id": 42, "is_bot": True, "first_name": "Yabot"}
USAGE = say("en", "gift_usage")


@pytest.fixture
async def chat(bot: Bot, stores: MemoryStores, clock: Clock) -> AsyncIterator[Chat]:
    """User 7 has 20 besitos; user 8 is called @Luz_8."""
    async with ActorSystem() as system:
        chat = Chat(bot, stores, clock, system)
        await chat.does(message("/start"))
        await chat.apply(MoveBesitos(amount=20, reason="test"))
        created = register(None, RegisterUser(telegram_user_id=8, username="Luz_8"), clock())
        key = "api:test:1"
        await stores.users.commit(Commit(key, "8", clock(), key, None, created.after, version=0))
        yield chat


def answering(sender: dict[str, object], text: str) -> dict[str, object]:
    """A message in answer to one of that sender."""
    answered = {
        "message_id": 1,
        "date": 1715946000,
        "chat": CHAT,
        "from": sender,
        "text": "hello",
    }
    return message(text, reply_to_message=answered)


def sent_to(stores: MemoryStores) -> list[tuple[str, object]]:
    """Who was sent a gift by the last turn, and how much."""
    left = [each.command.model_dump() for each in stores.users.commits[-1].commands]
    receivers = [each.user_id for each in stores.users.commits[-1].commands]
    return [
        (receiver, command["amount"])
        for receiver, command in zip(receivers, left, strict=True)
        if command["kind"] == "receive_gift"
    ]


async def test_a_gift_by_name_is_sent_and_told(chat: Chat, stores: MemoryStores) -> None:
    (answer,) = await chat.does(message("/gift @luz_8  5"))
    assert answer["text"] == say("en", "gift_sent", amount=5, name="@luz_8")
    assert sent_to(stores) == [("8", 5)]


async def test_a_gift_in_answer_to_a_message_goes_to_its_sender(
    chat: Chat, stores: MemoryStores
) -> None:
    (answer,) = await chat.does(answering(LUZ, "/gift 3"))
    assert answer["text"] == say("en", "gift_sent", amount=3, name="Luz")
    assert sent_to(stores) == [("8", 3)]


@pytest.mark.parametrize(
    "text",
    [
        "/gift",
        "/gift 5",
        "/gift @luz_8",
        "/gift @luz_8 0",
        "/gift @luz_8 -5",
        "/gift @luz_8 5.5",
        "/gift luz 5",
        "/gift @luz_8 1000001",
        "/gift @luz_8 ٥",
        "/gift @luz_8 5 6",
    ],
)
async def test_what_is_no_gift_is_explained_and_nothing_is_paid(
    text: str, chat: Chat, stores: MemoryStores
) -> None:
    (answer,) = await chat.does(message(text))
    assert answer["text"] == USAGE
    assert sent_to(stores) == []


async def test_a_gift_to_a_stranger_or_to_the_bot_is_refused_at_once(
    chat: Chat, stores: MemoryStores
) -> None:
    (stranger,) = await chat.does(message("/gift @nobody 5"))
    assert stranger["text"] == say("en", "gift_to_nobody", name="@nobody")
    (machine,) = await chat.does(answering(BOT, "/gift 5"))
    assert machine["text"] == say("en", "gift_to_nobody", name="Yabot")
    assert sent_to(stores) == []


async def test_a_gift_beyond_the_purse_or_to_oneself_says_why_not(
    chat: Chat, stores: MemoryStores
) -> None:
    (poor,) = await chat.does(message("/gift @luz_8 21"))
    assert poor["text"] == say("en", "besitos_insufficient", price=21, balance=20)
    (oneself,) = await chat.does(message("/gift @ana 5"))
    assert oneself["text"] == say("en", "gift_to_self")


def test_a_notice_to_a_press_is_its_answer_and_is_cut_to_what_telegram_takes() -> None:
    stores = MemoryStores()
    created = register(None, RegisterUser(telegram_user_id=7), NOON)
    assert isinstance(created, Decision)
    turn = Turn(key="k", user_id="7", now=NOON, stored=Stored(created.after, 1), store=stores.users)
    turn._notices.append(Notice("hint_unlocked", {"hint": "x" * 500}, press="q1"))
    render(turn)
    (call,) = turn.to_commit().calls
    assert (call.lane, call.method) == ("answer:7", "answerCallbackQuery")
    answer = params(call)
    assert orjson.loads(call.params) == answer
    assert (answer["callback_query_id"], answer["show_alert"]) == ("q1", True)
    assert len(str(answer["text"])) == ALERT
