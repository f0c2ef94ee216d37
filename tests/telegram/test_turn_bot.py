"""Handlers send, edit, answer and return as always, and nothing leaves before the commit."""

from collections.abc import Callable
from datetime import datetime, timedelta

import anyio
import pytest
from aiogram import Bot, Router
from aiogram.client.default import DefaultBotProperties
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
)

from tests.fakes import MemoryUsers
from tests.telegram.server import BotApi, ok
from tests.telegram.turns import Turns, params
from tests.telegram.updates import message, press
from yabot.errors import CannotRecord, TurnClosed
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]
KEYBOARD = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text="Go", callback_data="go")]]
)


async def test_an_answer_is_recorded_with_its_keyboard_and_the_defaults_of_the_bot(
    api: BotApi, bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    bot.default = DefaultBotProperties(parse_mode="HTML", protect_content=True)

    @router.message()
    async def hello(event: Message) -> None:
        await event.answer("hi", reply_markup=KEYBOARD)

    (call,) = await Turns(bot, users, clock, router).run(message())

    assert (call.lane, call.method) == ("chat:7", "sendMessage")
    assert params(call) == {
        "chat_id": 7,
        "text": "hi",
        "parse_mode": "HTML",
        "protect_content": True,
        "reply_markup": {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]},
    }
    assert api.calls == []


async def test_a_returned_method_is_recorded(bot: Bot, users: MemoryUsers, clock: Now) -> None:
    router = Router()

    @router.message()
    async def hello(event: Message) -> TelegramMethod[Message]:
        return event.answer("returned")

    (call,) = await Turns(bot, users, clock, router).run(message())

    assert params(call) == {"chat_id": 7, "text": "returned"}


async def test_what_was_just_sent_can_be_edited_replied_to_and_deleted(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def hello(event: Message) -> None:
        sent = await event.answer("one")
        edited = await sent.edit_text("two")
        assert isinstance(edited, Message)
        assert edited.message_id == sent.message_id
        await sent.reply("three")
        await sent.delete()

    calls = await Turns(bot, users, clock, router).run(message())
    first = -calls[0].id

    assert [call.method for call in calls] == [
        "sendMessage",
        "editMessageText",
        "sendMessage",
        "deleteMessage",
    ]
    assert params(calls[1])["message_id"] == first
    reply = params(calls[2])["reply_parameters"]
    assert isinstance(reply, dict)
    assert reply["message_id"] == first
    assert params(calls[3]) == {"chat_id": 7, "message_id": first}
    assert {call.lane for call in calls} == {"chat:7"}


async def test_a_provisional_message_looks_like_one_that_was_sent(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def hello(event: Message) -> None:
        sent = await event.answer("one", reply_markup=KEYBOARD)
        assert sent.message_id < 0
        assert (sent.chat.id, sent.chat.type, sent.text) == (7, "private", "one")
        assert sent.date == clock()
        assert sent.from_user is not None
        assert sent.from_user.id == 42
        assert sent.reply_markup == KEYBOARD
        assert (sent.photo, sent.reply_to_message, sent.content_type) == (None, None, "text")
        assert sent.model_dump_json()

    await Turns(bot, users, clock, router).run(message())


async def test_answers_to_presses_have_a_lane_of_their_own(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.callback_query()
    async def pressed(event: CallbackQuery) -> None:
        assert await event.answer() is True
        assert isinstance(event.message, Message)
        await event.message.edit_text("done")

    answer, edit = await Turns(bot, users, clock, router).run(press())

    assert (answer.lane, answer.method) == ("answer:7", "answerCallbackQuery")
    assert (edit.lane, params(edit)["message_id"]) == ("chat:7", 5)


async def test_asking_methods_go_straight_out_and_get_their_answer(
    api: BotApi, bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    api.script("getChatMemberCount", ok(12))

    @router.message()
    async def count(event: Message, bot: Bot) -> None:
        assert await bot.get_chat_member_count(7) == 12

    assert await Turns(bot, users, clock, router).run(message()) == ()
    assert len(api.of("getChatMemberCount")) == 1


async def test_a_method_that_can_not_wait_is_refused_and_names_direct_bot(
    api: BotApi, bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def topic(event: Message, bot: Bot) -> None:
        await bot.create_forum_topic(-1001, "News")

    with pytest.raises(CannotRecord, match=r"createForumTopic .* `direct_bot`"):
        await Turns(bot, users, clock, router).run(message())
    assert api.calls == []


async def test_direct_bot_is_the_real_one(
    api: BotApi, bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def now(event: Message, direct_bot: Bot) -> None:
        sent = await direct_bot.send_message(7, "at once")
        assert sent.message_id > 0

    assert await Turns(bot, users, clock, router).run(message()) == ()
    assert len(api.of("sendMessage")) == 1


async def test_a_call_after_the_turn_raises_turn_closed(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    kept: list[Message] = []

    @router.message()
    async def keep(event: Message) -> None:
        kept.append(event)

    await Turns(bot, users, clock, router).run(message())

    with pytest.raises(TurnClosed, match="direct_bot"):
        await kept[0].answer("too late")
    assert [commit.calls for commit in users.commits] == [()]


async def test_albums_and_copies_give_the_first_message_alone(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def album(event: Message, bot: Bot) -> None:
        messages = await event.answer_media_group(
            [InputMediaPhoto(media="a"), InputMediaPhoto(media="b")]
        )
        copies = await bot.copy_messages(7, 7, [1, 2])
        assert [m.message_id for m in messages] == [-1]
        assert [m.message_id for m in copies] == [-2]

    await Turns(bot, users, clock, router).run(message())


async def test_time_spans_count_from_the_turn(bot: Bot, users: MemoryUsers, clock: Now) -> None:
    router = Router()

    @router.message()
    async def mute(event: Message, bot: Bot) -> None:
        await bot.ban_chat_member(-1001, 7, until_date=timedelta(hours=1))
        await bot.ban_chat_member(-1001, 7, until_date=clock())

    calls = await Turns(bot, users, clock, router).run(message())

    assert [params(call)["until_date"] for call in calls] == [
        round(clock().timestamp()) + 3600,
        round(clock().timestamp()),
    ]


async def test_two_turns_at_once_record_each_on_its_own(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    both = anyio.Event()

    @router.message()
    async def echo(event: Message, turn: Turn) -> SendMessage:
        await event.answer(f"{turn.user_id} first")
        if turn.calls and event.text == "second":
            both.set()
        await both.wait()
        return event.answer(f"{turn.user_id} {event.text}")

    turns = Turns(bot, users, clock, router)
    calls = {}

    async def run(text: str, user: int) -> None:
        sender = {"id": user, "is_bot": False, "first_name": "U"}
        chat = {"id": user, "type": "private"}
        calls[text] = await turns.run(message(text, **{"from": sender, "chat": chat}))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(run, "first", 8)
            group.start_soon(run, "second", 9)

    assert [params(c)["text"] for c in calls["first"]] == ["8 first", "8 first"]
    assert [params(c)["text"] for c in calls["second"]] == ["9 first", "9 second"]
