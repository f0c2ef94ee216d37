"""Sending, editing, deleting and answering, and Telegram's refusals word for word."""

from typing import Any

import pytest

from tests.sandbox.telegram import BOT_ID, KEYBOARD, Clock, Telegram

pytestmark = pytest.mark.anyio


@pytest.fixture
async def chat(telegram: Telegram) -> int:
    """A user who wrote to the bot."""
    await telegram.drive(
        "users/7",
        {"first_name": "Ana", "username": "@ana", "language_code": "es"},
        http_method="PUT",
    )
    await telegram.says(7, "/start now")
    return 7


async def test_a_sent_message_is_answered_whole_and_shown(
    telegram: Telegram, chat: int, clock: Clock
) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="hello", reply_markup=KEYBOARD)
    assert sent == {
        "message_id": 2,
        "from": {
            "id": BOT_ID,
            "is_bot": True,
            "first_name": "Sandbox Bot",
            "username": f"sandbox_{BOT_ID}_bot",
        },
        "chat": {"id": 7, "first_name": "Ana", "username": "ana", "type": "private"},
        "date": int(clock.now),
        "text": "hello",
        "reply_markup": KEYBOARD,
    }
    assert (await telegram.screen(7))["messages"][1] == sent


async def test_a_users_message_reaches_the_bot_whole(telegram: Telegram, chat: int) -> None:
    (update,) = await telegram.call("getUpdates")
    message = update["message"]
    ana = {"id": 7, "is_bot": False, "first_name": "Ana", "username": "ana", "language_code": "es"}
    assert message["from"] == ana
    assert message["text"] == "/start now"
    assert message["entities"] == [{"type": "bot_command", "offset": 0, "length": 6}]


async def test_a_press_reaches_the_bot_whole_and_can_be_answered(
    telegram: Telegram, chat: int
) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="hello", reply_markup=KEYBOARD)
    pressed = await telegram.presses(7, sent["message_id"], "go:left")
    query = (await telegram.call("getUpdates"))[-1]["callback_query"]
    assert query["id"] == pressed["callback_query_id"]
    assert query["message"] == sent
    assert query["data"] == "go:left"
    assert query["chat_instance"]
    assert await telegram.call(
        "answerCallbackQuery", callback_query_id=query["id"], text="left", show_alert=True
    )
    (answer,) = (await telegram.screen(7))["answers"]
    assert answer["text"] == "left"
    assert answer["show_alert"] is True
    assert answer["message_id"] == sent["message_id"]


async def test_an_edit_replaces_text_and_keyboard(
    telegram: Telegram, chat: int, clock: Clock
) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="a", reply_markup=KEYBOARD)
    where = {"chat_id": chat, "message_id": sent["message_id"]}
    clock.now += 5
    edited = await telegram.call("editMessageText", text="b", **where)
    assert edited["edit_date"] == sent["date"] + 5
    assert edited["text"] == "b"
    assert "reply_markup" not in edited
    shown = await telegram.call("editMessageReplyMarkup", reply_markup=KEYBOARD, **where)
    assert shown["text"] == "b"
    assert shown["reply_markup"] == KEYBOARD
    assert (await telegram.screen(7))["messages"][-1] == shown


async def test_a_deleted_message_is_gone(telegram: Telegram, chat: int) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="oops")
    assert await telegram.call("deleteMessage", chat_id=chat, message_id=sent["message_id"])
    assert await telegram.texts(7) == ["/start now"]
    assert await telegram.refused("deleteMessage", chat_id=chat, message_id=sent["message_id"]) == (
        400,
        "Bad Request: message to delete not found",
    )


async def test_a_message_older_than_48_hours_stays(
    telegram: Telegram, chat: int, clock: Clock
) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="history")
    clock.now += 48 * 3600 + 1
    assert await telegram.refused("deleteMessage", chat_id=chat, message_id=sent["message_id"]) == (
        400,
        "Bad Request: message can't be deleted for everyone",
    )


async def test_a_reply_carries_the_original(telegram: Telegram, chat: int) -> None:
    sent = await telegram.call(
        "sendMessage", chat_id=chat, text="yes?", reply_parameters={"message_id": 1}
    )
    assert sent["reply_to_message"]["text"] == "/start now"
    assert await telegram.refused(
        "sendMessage", chat_id=chat, text="yes?", reply_to_message_id=99
    ) == (400, "Bad Request: message to be replied not found")


async def test_an_action_is_shown_for_five_seconds_or_until_the_next_message(
    telegram: Telegram, chat: int, clock: Clock
) -> None:
    await telegram.call("sendChatAction", chat_id=chat, action="typing")
    assert (await telegram.screen(7))["action"] == "typing"
    clock.now += 6
    assert (await telegram.screen(7))["action"] == ""
    await telegram.call("sendChatAction", chat_id=chat, action="typing")
    await telegram.call("sendMessage", chat_id=chat, text="here I am")
    assert (await telegram.screen(7))["action"] == ""


async def test_a_reply_keyboard_stays_until_it_is_removed(telegram: Telegram, chat: int) -> None:
    keyboard = {"keyboard": [["Yes", {"text": "No"}]], "resize_keyboard": True}
    sent = await telegram.call("sendMessage", chat_id=chat, text="?", reply_markup=keyboard)
    assert "reply_markup" not in sent
    shown = (await telegram.screen(7))["keyboard"]
    assert shown["keyboard"] == [[{"text": "Yes"}, {"text": "No"}]]
    await telegram.call(
        "sendMessage", chat_id=chat, text="!", reply_markup={"remove_keyboard": True}
    )
    assert (await telegram.screen(7))["keyboard"] is None


def with_button(**button: object) -> dict[str, object]:
    return {"reply_markup": {"inline_keyboard": [[button]]}}


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": " \n "}, "message text is empty"),
        ({"text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "x", "chat_id": 404}, "chat not found"),
        ({"text": "x", "chat_id": "@nobody"}, "chat not found"),
        ({"text": "x", "chat_id": ""}, "chat_id is empty"),
        ({"text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        (with_button(text="x", callback_data="y" * 65), "BUTTON_DATA_INVALID"),
        (with_button(text="x", callback_data="ñ" * 33), "BUTTON_DATA_INVALID"),
        (with_button(text="x", url="nonsense"), "BUTTON_URL_INVALID"),
        (
            with_button(text="x"),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"reply_markup": "{broken"}, "can't parse reply markup JSON object"),
        ({"reply_markup": {"strange": 1}}, "object expected as reply markup"),
    ],
)
async def test_a_message_that_cannot_be_sent_is_refused(
    telegram: Telegram, chat: int, parameters: dict[str, Any], description: str
) -> None:
    refusal = await telegram.refused("sendMessage", **{"chat_id": chat, "text": "x", **parameters})
    assert refusal == (400, f"Bad Request: {description}")
    assert await telegram.texts(7) == ["/start now"]


async def test_an_edit_that_changes_nothing_is_refused(telegram: Telegram, chat: int) -> None:
    sent = await telegram.call("sendMessage", chat_id=chat, text="a", reply_markup=KEYBOARD)
    same = {"chat_id": chat, "message_id": sent["message_id"], "reply_markup": KEYBOARD}
    refusal = (
        400,
        "Bad Request: message is not modified: specified new message content and reply markup"
        " are exactly the same as a current content and reply markup of the message",
    )
    assert await telegram.refused("editMessageText", text="a", **same) == refusal
    assert await telegram.refused("editMessageReplyMarkup", **same) == refusal


async def test_what_is_not_the_bots_cannot_be_edited(telegram: Telegram, chat: int) -> None:
    assert await telegram.refused("editMessageText", chat_id=chat, message_id=99, text="x") == (
        400,
        "Bad Request: message to edit not found",
    )
    assert await telegram.refused("editMessageText", chat_id=chat, message_id=1, text="x") == (
        400,
        "Bad Request: message can't be edited",
    )


async def test_a_query_that_is_unknown_or_old_cannot_be_answered(
    telegram: Telegram, chat: int, clock: Clock
) -> None:
    too_old = (
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    )
    assert await telegram.refused("answerCallbackQuery", callback_query_id="1") == too_old
    sent = await telegram.call("sendMessage", chat_id=chat, text="hello", reply_markup=KEYBOARD)
    query = (await telegram.presses(7, sent["message_id"], "go:left"))["callback_query_id"]
    clock.now += 151
    assert await telegram.refused("answerCallbackQuery", callback_query_id=query) == too_old


async def test_a_user_who_blocked_the_bot_hears_nothing(telegram: Telegram, chat: int) -> None:
    await telegram.drive("users/7/block")
    refusal = (403, "Forbidden: bot was blocked by the user")
    assert await telegram.refused("sendMessage", chat_id=chat, text="x") == refusal
    assert await telegram.refused("sendChatAction", chat_id=chat, action="typing") == refusal
    await telegram.drive("users/7/unblock")
    await telegram.call("sendMessage", chat_id=chat, text="welcome back")
    assert await telegram.texts(7) == ["/start now", "welcome back"]


async def test_a_wrong_action_is_refused(telegram: Telegram, chat: int) -> None:
    assert await telegram.refused("sendChatAction", chat_id=chat, action="dancing") == (
        400,
        "Bad Request: wrong parameter action in request",
    )


async def test_commands_are_kept_by_scope_and_language(telegram: Telegram, chat: int) -> None:
    general = [{"command": "start", "description": "Begin"}]
    spanish = [{"command": "start", "description": "Empezar"}]
    await telegram.call("setMyCommands", commands=general)
    await telegram.call("setMyCommands", commands=spanish, language_code="es")
    assert await telegram.call("getMyCommands") == general
    assert (await telegram.screen(7))["commands"] == spanish
    await telegram.call("deleteMyCommands", language_code="es")
    assert (await telegram.screen(7))["commands"] == general
    assert await telegram.refused(
        "setMyCommands", commands=[{"command": "No Way", "description": "x"}]
    ) == (400, "Bad Request: BOT_COMMAND_INVALID")


async def test_the_screen_keeps_the_newest_200_messages(telegram: Telegram, chat: int) -> None:
    for number in range(205):
        await telegram.call("sendMessage", chat_id=chat, text=str(number))
    assert await telegram.texts(7) == [str(number) for number in range(5, 205)]
