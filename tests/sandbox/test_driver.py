"""Playing the people: groups, presses, long polls, and mistakes."""

from typing import Any

import anyio
import pytest

from tests.sandbox.telegram import KEYBOARD, Clock, Telegram
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def test_a_user_exists_at_first_mention(telegram: Telegram) -> None:
    shown = await telegram.screen(7)
    assert shown["user"] == {"id": 7, "is_bot": False, "first_name": "User 7"}
    assert shown["messages"] == []


async def test_waiting_ends_when_the_screen_changes(telegram: Telegram) -> None:
    before = await telegram.screen(7)
    seen: list[list[str]] = []

    async def watch() -> None:
        view = await telegram.asks(f"users/7/wait?after={before['cursor']}&timeout=30")
        seen.append([message["text"] for message in view["messages"]])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await telegram.says(8, "another chat")
            await telegram.says(7, "hello")
    assert seen == [["hello"]]


async def test_waiting_with_an_old_cursor_returns_at_once(telegram: Telegram) -> None:
    before = await telegram.screen(7)
    await telegram.says(7, "hello")
    view = await telegram.asks(f"users/7/wait?after={before['cursor']}&timeout=30")
    assert [message["text"] for message in view["messages"]] == ["hello"]


async def test_waiting_without_a_change_ends_at_its_timeout(telegram: Telegram) -> None:
    before = await telegram.screen(7)
    view = await telegram.asks(f"users/7/wait?after={before['cursor']}&timeout=0.05")
    assert view["cursor"] == before["cursor"]


async def test_many_users_are_watched_over_one_connection(telegram: Telegram) -> None:
    cursors = {user: (await telegram.screen(user))["cursor"] for user in (7, 8, 9)}
    watch = ",".join(f"{user}:{cursor}:0" for user, cursor in cursors.items())
    changed: list[int] = []

    async def wait() -> None:
        answer = await telegram.asks(f"wait?watch={watch}&timeout=30")
        changed.extend(view["user"]["id"] for view in answer["chats"])

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await telegram.says(8, "hello")
    assert changed == [8]


async def test_a_group_shows_everybody_the_same(telegram: Telegram) -> None:
    group = await telegram.drive("chats", {"title": "Readers", "members": [7, 8, 7]})
    chat = group["chat"]["id"]
    assert group["members"] == [7, 8]
    assert chat < 0
    await telegram.says(7, "hello all", chat_id=chat)
    sent = await telegram.call("sendMessage", chat_id=chat, text="hi", reply_markup=KEYBOARD)
    assert await telegram.texts(7, chat) == await telegram.texts(8, chat) == ["hello all", "hi"]
    assert await telegram.texts(7) == []
    await telegram.presses(8, sent["message_id"], "go:left", chat_id=chat)
    message, press = await telegram.call("getUpdates")
    assert message["message"]["chat"] == {"id": chat, "title": "Readers", "type": "supergroup"}
    assert press["callback_query"]["from"]["id"] == 8
    assert press["callback_query"]["message"]["chat"]["id"] == chat
    answer = {"callback_query_id": press["callback_query"]["id"], "text": "only for you"}
    await telegram.call("answerCallbackQuery", **answer)
    assert (await telegram.screen(7, chat))["answers"] == []
    assert [a["text"] for a in (await telegram.screen(8, chat))["answers"]] == ["only for you"]


async def test_several_bots_have_chats_of_their_own(telegram: Telegram) -> None:
    await telegram.says(7, "to the first")
    await telegram.call("getMe")
    other = Telegram(telegram.http, "43:token")
    await other.call("getMe")
    await telegram.drive("users/7/messages?bot=43", {"text": "to the second"})
    assert [u["message"]["text"] for u in await telegram.call("getUpdates")] == ["to the first"]
    assert [u["message"]["text"] for u in await other.call("getUpdates")] == ["to the second"]
    shown = await telegram.asks("users/7/chat?bot=43")
    assert [message["text"] for message in shown["messages"]] == ["to the second"]
    await telegram.asks("users/7/chat?bot=44", status=404)


async def test_only_what_is_on_the_screen_can_be_pressed(telegram: Telegram) -> None:
    await telegram.says(7, "hello")
    sent = await telegram.call("sendMessage", chat_id=7, text="hi", reply_markup=KEYBOARD)
    path, number = "users/7/presses", sent["message_id"]
    missing = await telegram.drive(path, {"message_id": 99, "data": "go:left"}, status=404)
    assert missing == {"error": "user 7 sees no message 99"}
    wrong = await telegram.drive(path, {"message_id": number, "data": "go:up"}, status=404)
    assert wrong["error"] == (
        f"message {number} has no button with data 'go:up'; it has ['go:left', 'go:right']"
    )
    await telegram.call("editMessageReplyMarkup", chat_id=7, message_id=number)
    await telegram.drive(path, {"message_id": number, "data": "go:left"}, status=404)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("users/7/messages", {"text": ""}, 400),
        ("users/7/messages", {"text": "x", "chat_id": -5}, 404),
        ("users/7/messages", {"text": "x", "reply_to_message_id": 5}, 404),
        ("users/seven/messages", {"text": "x"}, 400),
        ("users/0/messages", {"text": "x"}, 400),
        ("chats", {"title": "nobody"}, 400),
        ("faults", {"method": "sendMessage"}, 400),
        ("chats", {"title": "strangers", "members": ["Ana"]}, 400),
        ("faults", {"status": 200}, 400),
        ("faults", {"delay": "long"}, 400),
        ("faults", {"drop": "sometimes"}, 400),
        ("nowhere", {}, 404),
    ],
)
async def test_a_mistake_is_explained(
    telegram: Telegram, path: str, body: dict[str, Any], status: int
) -> None:
    answer = await telegram.drive(path, body, status=status)
    assert answer["error"]


async def test_a_user_who_blocked_the_bot_cannot_write_to_it(telegram: Telegram) -> None:
    await telegram.drive("users/7/block")
    answer = await telegram.drive("users/7/messages", {"text": "hello"}, status=409)
    assert "unblock" in answer["error"]


async def test_a_page_of_another_origin_cannot_drive(sandbox: Sandbox, telegram: Telegram) -> None:
    async with telegram.http.get(
        "/sandbox/stats", headers={"Origin": "https://elsewhere.example"}
    ) as response:
        assert response.status == 403
    async with telegram.http.get("/sandbox/stats", headers={"Origin": sandbox.url}) as response:
        assert response.status == 200


async def test_the_calls_of_bots_are_logged(telegram: Telegram) -> None:
    await telegram.says(7, "hello")
    await telegram.call("sendMessage", chat_id=7, text="hi")
    log = await telegram.asks("calls")
    await telegram.refused("sendMessage", chat_id=404, text="hi")
    later = await telegram.asks(f"calls?after={log['cursor']}&timeout=5")
    assert [(c["method"], c["ok"]) for c in log["calls"]] == [("sendMessage", True)]
    assert log["calls"][0]["parameters"] == {"chat_id": 7, "text": "hi"}
    assert [c["error"] for c in later["calls"]] == ["Bad Request: chat not found"]
    stats = await telegram.asks("stats")
    assert stats["calls_by_method"] == {"sendMessage": 2}
    assert stats["users"] == 1


async def test_the_page_is_served(sandbox: Sandbox, telegram: Telegram) -> None:
    async with telegram.http.get("/") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert "Who do you want to be?" in await response.text()


async def test_an_unknown_path_is_not_found_in_telegrams_envelope(telegram: Telegram) -> None:
    async with telegram.http.get("/nowhere") as response:
        assert response.status == 404
        assert (await response.json())["description"] == "Not Found"


async def test_a_bot_that_is_too_far_behind_is_sent_no_more(
    telegram: Telegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yabot.sandbox.updates.CAPACITY", 2)
    await telegram.says(7, "one")
    last = await telegram.says(7, "two")
    await telegram.drive("users/7/messages", {"text": "three"}, status=429)
    await telegram.call("getUpdates", offset=last["update_id"])
    await telegram.says(7, "three")


async def test_presses_that_are_over_are_forgotten(telegram: Telegram, clock: Clock) -> None:
    await telegram.says(7, "hello")
    sent = await telegram.call("sendMessage", chat_id=7, text="hi", reply_markup=KEYBOARD)
    for _ in range(3):
        await telegram.presses(7, sent["message_id"], "go:left")
        clock.now += 200
    (bot,) = (await telegram.asks("stats"))["bots"]
    assert bot["open_queries"] == 1
