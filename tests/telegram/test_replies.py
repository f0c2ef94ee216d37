"""Calls leave in order per lane, none is lost, and none is sent twice while the process lives."""

import anyio
import pytest

from tests.fakes import MemoryReplies
from tests.telegram.clock import Clock
from tests.telegram.post import Post, leave, send, texts
from tests.telegram.server import BotApi, Received, Scripted, ok
from tests.waiting import until
from yabot.telegram import lanes
from yabot.telegram import replies as module
from yabot.telegram.replies import Sending

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]


async def test_calls_of_a_chat_leave_in_order(api: BotApi, post: Post) -> None:
    for n in range(20):
        send(post.outbox, str(n))
    await post.settled()
    assert texts(api) == [str(n) for n in range(20)]
    assert post.meter.statistics() == Sending(0, 0, sent=20, refused=0, stale=0, retried=0)


async def test_the_next_call_of_a_lane_waits_for_the_mark_of_the_one_before(
    api: BotApi, post: Post
) -> None:
    post.outbox.failing = True
    send(post.outbox, "one")
    send(post.outbox, "two")
    await until(lambda: bool(texts(api)))
    await anyio.wait_all_tasks_blocked()
    assert texts(api) == ["one"]
    post.outbox.failing = False
    await post.settled()
    assert texts(api) == ["one", "two"]


async def test_lanes_do_not_wait_for_each_other_and_answers_for_nobody(
    api: BotApi, post: Post
) -> None:
    held = anyio.Event()
    api.script("sendMessage", Scripted(body={"ok": True, "result": {}}, before=held.wait))
    send(post.outbox, "slow", chat=7)
    await until(lambda: bool(api.calls))
    send(post.outbox, "behind it", chat=7)
    send(post.outbox, "quick", chat=8)
    leave(post.outbox, "answer:7", "answerCallbackQuery", callback_query_id="1")
    await until(lambda: len(post.outbox.rows) == 2)
    assert texts(api, 8) == ["quick"]
    assert len(api.of("answerCallbackQuery")) == 1
    assert texts(api, 7) == ["slow"]
    held.set()
    await post.settled()
    assert texts(api, 7) == ["slow", "behind it"]


async def test_answers_go_out_while_every_place_for_chats_is_taken(
    api: BotApi, replies: MemoryReplies, clock: Clock
) -> None:
    held = anyio.Event()

    def slow(call: Received) -> Scripted | None:
        if call.method == "sendMessage":
            return Scripted(body={"ok": True, "result": {}}, before=held.wait)
        return None

    api.on_call = slow
    for chat in range(100, 200):
        send(replies, "slow", chat=chat)
    leave(replies, "answer:7", "answerCallbackQuery")
    async with Post(replies, api.url, clock).running() as post:
        await until(lambda: bool(api.of("answerCallbackQuery")))
        held.set()
        await post.settled()


async def test_later_calls_name_the_message_by_its_real_id(api: BotApi, post: Post) -> None:
    api.script("sendMessage", ok({"message_id": 555}))
    sent = -send(post.outbox, "one")
    leave(post.outbox, "chat:7", "editMessageText", chat_id=7, message_id=sent)
    send(post.outbox, "two", reply_parameters={"message_id": sent, "chat_id": 7})
    leave(post.outbox, "chat:7", "deleteMessages", chat_id=7, message_ids=[sent, 3])
    await post.settled()
    assert api.of("editMessageText") == [{"chat_id": 7, "message_id": 555}]
    assert api.of("sendMessage")[1]["reply_parameters"] == {"message_id": 555, "chat_id": 7}
    assert api.of("deleteMessages") == [{"chat_id": 7, "message_ids": [555, 3]}]


async def test_a_real_id_is_found_after_a_restart(
    api: BotApi, replies: MemoryReplies, clock: Clock
) -> None:
    api.script("sendMessage", ok({"message_id": 555}))
    sent = -send(replies, "one")
    async with Post(replies, api.url, clock).running() as post:
        await post.settled()
    leave(replies, "chat:7", "deleteMessage", chat_id=7, message_id=sent)
    async with Post(replies, api.url, clock).running() as post:
        await post.settled()
    assert api.of("deleteMessage") == [{"chat_id": 7, "message_id": 555}]


async def test_a_lane_with_more_than_its_share_is_read_again_in_order(
    api: BotApi, replies: MemoryReplies, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LANE_SHARE", 3)
    for n in range(40):
        send(replies, str(n), chat=7)
        send(replies, str(n), chat=8)
    async with Post(replies, api.url, clock).running() as post:
        for n in range(40, 50):
            send(replies, str(n), chat=7)
            await anyio.sleep(0.001)
        await post.settled()
    assert texts(api, 7) == [str(n) for n in range(50)]
    assert texts(api, 8) == [str(n) for n in range(40)]


async def test_a_stop_waits_for_the_mark_of_what_is_under_way(
    api: BotApi, replies: MemoryReplies, clock: Clock
) -> None:
    held = anyio.Event()
    api.script("sendMessage", Scripted(body={"ok": True, "result": {}}, before=held.wait))
    send(replies, "under way")
    send(replies, "later")

    async def release() -> None:
        await anyio.sleep(0.02)
        held.set()

    async with anyio.create_task_group() as group, Post(replies, api.url, clock).running():
        await until(lambda: bool(api.calls))
        group.start_soon(release)
    assert texts(api) == ["under way"]
    assert len(replies.rows) == 1


async def test_a_stop_does_not_wait_for_ever_for_a_telegram_that_does_not_answer(
    api: BotApi, replies: MemoryReplies, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.05)
    api.script("sendMessage", Scripted(before=anyio.Event().wait))
    send(replies, "never answered")
    with anyio.fail_after(2):
        async with Post(replies, api.url, clock).running():
            await until(lambda: bool(api.calls))
    assert len(replies.rows) == 1


async def test_a_lane_that_is_read_again_waits_for_a_store_that_is_away(
    api: BotApi, replies: MemoryReplies, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "LANE_SHARE", 2)
    words = [str(n) for n in range(6)]
    for word in words:
        send(replies, word)
    held = anyio.Event()
    api.script("sendMessage", Scripted(body={"ok": True, "result": {}}, before=held.wait))
    async with Post(replies, api.url, clock).running() as post:
        await until(lambda: post.meter.lanes.seen == 6)
        replies.unreadable = True
        held.set()
        await until(lambda: len(replies.rows) == 4)
        assert texts(api) == words[:2]
        replies.unreadable = False
        await post.settled()
    assert texts(api) == words


async def test_reading_waits_while_too_much_is_in_hand(
    api: BotApi, replies: MemoryReplies, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "ROWS_IN_HAND", 5)
    for chat in range(100, 130):
        send(replies, "hello", chat=chat)
    most = 0

    def watch(_: Received) -> None:
        nonlocal most
        most = max(most, post.meter.statistics().in_hand)

    api.on_call = watch
    async with Post(replies, api.url, clock).running() as post:
        await post.settled()
    assert len(api.of("sendMessage")) == 30
    assert most == 5
