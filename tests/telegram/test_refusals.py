"""Trouble is waited out, refusals are set aside, and no lane is held up by either for good."""

import anyio
import pytest

from tests.fakes import MemoryReplies
from tests.telegram.clock import Clock
from tests.telegram.post import Post, leave, send, texts
from tests.telegram.server import BotApi, Received, Scripted, error
from tests.waiting import until
from yabot.telegram import delivery
from yabot.telegram import replies as module
from yabot.telegram.client import TelegramClient
from yabot.telegram.delivery import Delivery
from yabot.telegram.replies import ReplySender

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_retries")]


async def test_a_message_that_was_never_sent_can_not_be_edited(api: BotApi, post: Post) -> None:
    leave(post.outbox, "chat:7", "editMessageText", chat_id=7, message_id=-99)
    send(post.outbox, "next")
    await post.settled()
    ((row, reason, unreachable),) = post.outbox.refusals
    assert (row.call.method, unreachable) == ("editMessageText", False)
    assert "-99 has no id" in reason
    assert texts(api) == ["next"]


async def test_a_flood_is_waited_out_in_order(api: BotApi, post: Post) -> None:
    api.script("sendMessage", error(429, "Too Many Requests: retry after 1", 1))
    began = anyio.current_time()
    send(post.outbox, "one")
    send(post.outbox, "two")
    await post.settled()
    assert texts(api) == ["one", "one", "two"]
    assert anyio.current_time() - began >= 1
    assert post.breaker.statistics().failed == 0


async def test_a_flood_of_one_chat_stops_no_other(api: BotApi, post: Post) -> None:
    api.script("sendMessage", error(429, "Too Many Requests", 60))
    send(post.outbox, "throttled", chat=7)
    await until(lambda: bool(api.calls))
    send(post.outbox, "free", chat=8)
    await until(lambda: len(post.outbox.rows) == 1)
    assert texts(api, 8) == ["free"]
    assert texts(api, 7) == ["throttled"]


async def test_trouble_at_telegram_is_tried_again_until_it_is_over(api: BotApi, post: Post) -> None:
    api.script(
        "sendMessage",
        *[error(500, "Internal")] * 3,
        *[Scripted(502, b"<html>")] * 3,
        *[Scripted(drop=True)] * 20,
    )
    send(post.outbox, "one")
    send(post.outbox, "two")
    await post.settled()
    assert texts(api)[-2:] == ["one", "two"]
    assert set(texts(api)[:-1]) == {"one"}
    assert post.outbox.refusals == []
    assert post.breaker.statistics().opened > 0


async def test_a_call_that_only_ever_fails_is_set_aside_when_others_get_through(
    api: BotApi, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.breaker.disable()

    def poisoned(call: Received) -> Scripted | None:
        return error(500, "Internal") if call.fields.get("text") == "poison" else None

    api.on_call = poisoned
    send(post.outbox, "poison", chat=7)
    send(post.outbox, "after it", chat=7)
    with anyio.fail_after(10):
        while len(post.outbox.rows) > 1 or not post.outbox.refusals:
            if len(post.outbox.rows) <= 2:
                send(post.outbox, "other", chat=8)
            await anyio.sleep(0.005)
    await post.settled()
    assert texts(api, 7)[-1] == "after it"
    assert texts(api, 7).count("poison") >= module.PATIENCE
    ((_, reason, unreachable),) = post.outbox.refusals
    assert "500" in reason
    assert not unreachable


async def test_an_outage_sets_nothing_aside_though_a_call_got_through_after_it_began(
    api: BotApi, post: Post
) -> None:
    post.breaker.disable()
    away = {"for chat": 7, "tries": 0}

    def outage(call: Received) -> Scripted | None:
        if away["tries"] > 5 * module.PATIENCE or call.fields.get("chat_id") != away["for chat"]:
            return None
        away["tries"] += 1
        return error(503, "Service Unavailable")

    api.on_call = outage
    send(post.outbox, "one", chat=7)
    with anyio.fail_after(10):
        while not away["tries"]:
            await anyio.sleep(0.005)
    send(post.outbox, "just in time", chat=8)
    await post.settled()
    assert texts(api, 7)[-1] == "one"
    assert post.outbox.refusals == []


async def test_what_telegram_refuses_is_set_aside_and_the_lane_goes_on(
    api: BotApi, post: Post
) -> None:
    api.script("sendMessage", error(400, "Bad Request: message text is empty"))
    send(post.outbox, "")
    send(post.outbox, "next")
    await post.settled()
    ((_, reason, unreachable),) = post.outbox.refusals
    assert "message text is empty" in reason
    assert not unreachable
    assert texts(api) == ["", "next"]


@pytest.mark.parametrize(
    ("answer", "chat", "unreachable"),
    [
        (error(403, "Forbidden: bot was blocked by the user"), 7, True),
        (error(403, "Forbidden: user is deactivated"), 7, True),
        (error(400, "Bad Request: chat not found"), 7, True),
        (error(403, "Forbidden: bot was kicked from the group chat"), -100, False),
        (error(400, "Bad Request: can't parse entities"), 7, False),
    ],
)
async def test_a_user_who_is_gone_is_reported_and_a_group_is_not_the_user(
    api: BotApi, post: Post, answer: Scripted, chat: int, unreachable: bool
) -> None:
    api.script("sendMessage", answer)
    send(post.outbox, "hello", chat=chat)
    await post.settled()
    assert [reported for _, _, reported in post.outbox.refusals] == [unreachable]


@pytest.mark.parametrize(
    "reason",
    [
        "Bad Request: message is not modified: specified new message content is the same",
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
        "Bad Request: message to delete not found",
    ],
)
async def test_what_is_done_already_counts_as_sent(api: BotApi, post: Post, reason: str) -> None:
    api.script("editMessageText", error(400, reason))
    leave(post.outbox, "chat:7", "editMessageText", chat_id=7, message_id=5)
    await post.settled()
    assert post.outbox.refusals == []
    assert post.meter.statistics().sent == 1


async def test_answers_that_come_too_late_are_dropped(
    api: BotApi, replies: MemoryReplies, clock: Clock
) -> None:
    leave(replies, "answer:7", "answerCallbackQuery", callback_query_id="old")
    send(replies, "not dropped")
    clock.advance(delivery.ANSWER_LIFE + 1)
    leave(replies, "answer:7", "answerCallbackQuery", callback_query_id="new")
    async with Post(replies, api.url, clock).running() as post:
        await post.settled()
        assert api.of("answerCallbackQuery") == [{"callback_query_id": "new"}]
        assert texts(api) == ["not dropped"]
        assert post.meter.statistics().stale == 1


async def test_a_bad_token_keeps_every_row(
    api: BotApi, replies: MemoryReplies, clock: Clock
) -> None:
    send(replies, "kept")
    post = Post(replies, api.url, clock)
    post.client = TelegramClient("43:WRONG", api.url)
    post.sender = ReplySender(
        replies, Delivery(post.client, post.breaker, replies, clock), post.meter
    )
    async with post.running():
        await until(lambda: post.meter.statistics().retried >= 3)
    assert len(replies.rows) == 1
    assert replies.refusals == []
