"""Webhook delivery, against a bot's server whose answers the test decides."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from aiohttp import web

from tests.sandbox.telegram import KEYBOARD, Clock, Telegram
from tests.waiting import until

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@dataclass
class BotServer:
    """What came, and how it is answered."""

    url: str = ""
    received: list[Json] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    answer: Callable[[Json], Awaitable[web.Response]] | None = None
    open: Counter[str] = field(default_factory=Counter)
    most_open: int = 0

    async def take(self, request: web.Request) -> web.Response:
        update: Json = await request.json()
        queue = queue_of(update)
        self.open[queue] += 1
        self.most_open = max(self.most_open, self.open.total())
        assert self.open[queue] == 1, f"two requests of {queue} at once"
        try:
            self.received.append(update)
            self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
            return await self.answer(update) if self.answer else web.Response()
        finally:
            self.open[queue] -= 1

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.received if "message" in update]


def queue_of(update: Json) -> str:
    if "callback_query" in update:
        return f"user {update['callback_query']['from']['id']}"
    return f"chat {update['message']['chat']['id']}"


@asynccontextmanager
async def bot_server() -> AsyncIterator[BotServer]:
    server = BotServer()
    application = web.Application()
    application.router.add_post("/hook", server.take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
async def bot() -> AsyncIterator[BotServer]:
    async with bot_server() as server:
        yield server


async def nothing_pending(telegram: Telegram) -> bool:
    info: Json = await telegram.call("getWebhookInfo")
    return bool(info["pending_update_count"] == 0)


async def test_updates_of_one_chat_arrive_in_order_with_the_secret(
    telegram: Telegram, bot: BotServer
) -> None:
    await telegram.says(7, "before")
    await telegram.call("setWebhook", url=bot.url, secret_token="hush-hush_1")
    for number in range(20):
        await telegram.says(7, str(number))
    await until(lambda: nothing_pending(telegram))
    assert bot.texts() == ["before", *map(str, range(20))]
    assert set(bot.secrets) == {"hush-hush_1"}


async def test_an_update_is_repeated_until_it_is_accepted(
    telegram: Telegram, bot: BotServer
) -> None:
    answers = [500, 404, 302, 204]

    async def answer(_update: Json) -> web.Response:
        return web.Response(status=answers.pop(0) if answers else 200)

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "stubborn")
    await telegram.says(7, "next")
    await until(lambda: nothing_pending(telegram))
    assert bot.texts() == ["stubborn"] * 4 + ["next"]
    info = await telegram.call("getWebhookInfo")
    assert info["last_error_message"] == "Wrong response from the webhook: 302 Found"
    assert info["last_error_date"] > 0


async def test_a_queue_that_fails_holds_up_no_other(telegram: Telegram, bot: BotServer) -> None:
    async def answer(update: Json) -> web.Response:
        return web.Response(status=500 if queue_of(update) == "chat 7" else 200)

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "stuck")
    await telegram.says(8, "free")
    await telegram.says(8, "and free")
    await until(lambda: "and free" in bot.texts())
    assert (await telegram.call("getWebhookInfo"))["pending_update_count"] == 1


async def test_a_message_and_a_press_of_one_user_are_in_flight_together(
    telegram: Telegram, bot: BotServer
) -> None:
    go_on = anyio.Event()

    async def answer(_update: Json) -> web.Response:
        await go_on.wait()
        return web.Response()

    bot.answer = answer
    await telegram.says(7, "first")
    await telegram.call("getUpdates", offset=-1)
    sent = await telegram.call("sendMessage", chat_id=7, text="go", reply_markup=KEYBOARD)
    await telegram.call("setWebhook", url=bot.url)
    await telegram.presses(7, sent["message_id"], "go:left")
    await telegram.presses(7, sent["message_id"], "go:right")
    await until(lambda: bot.open.total() == 2)
    go_on.set()
    await until(lambda: nothing_pending(telegram))
    presses = [u["callback_query"]["data"] for u in bot.received if "callback_query" in u]
    assert presses == ["go:left", "go:right"]


async def test_no_more_than_max_connections_are_in_flight(
    telegram: Telegram, bot: BotServer
) -> None:
    async def answer(_update: Json) -> web.Response:
        await anyio.sleep(0.01)
        return web.Response()

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url, max_connections=2)
    for user in range(1, 11):
        await telegram.says(user, "hello")
    await until(lambda: nothing_pending(telegram))
    assert len(bot.received) == 10
    assert bot.most_open == 2


async def test_retry_after_of_the_response_is_honoured(telegram: Telegram, bot: BotServer) -> None:
    moments: list[float] = []

    async def answer(_update: Json) -> web.Response:
        moments.append(anyio.current_time())
        if len(moments) == 1:
            return web.Response(status=503, headers={"Retry-After": "0.4"})
        return web.Response()

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "later")
    await until(lambda: nothing_pending(telegram))
    assert len(moments) == 2
    assert moments[1] - moments[0] >= 0.4


async def test_a_bot_that_is_not_there_gets_its_updates_when_it_is(telegram: Telegram) -> None:
    async with bot_server() as gone:
        pass
    await telegram.call("setWebhook", url=gone.url)
    await telegram.says(7, "anybody?")

    async def refused() -> bool:
        info = await telegram.call("getWebhookInfo")
        return bool(info.get("last_error_message") == "Connection refused")

    await until(refused)
    async with bot_server() as there:
        await telegram.call("setWebhook", url=there.url)
        await until(lambda: there.texts() == ["anybody?"])


async def test_an_expired_update_makes_way_for_the_next(
    telegram: Telegram, bot: BotServer, clock: Clock
) -> None:
    async def answer(update: Json) -> web.Response:
        return web.Response(status=500 if update["message"]["text"] == "old" else 200)

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "old")
    await until(lambda: "old" in bot.texts())
    clock.now += 86_401
    await telegram.says(7, "new")
    await until(lambda: "new" in bot.texts())
    await until(lambda: nothing_pending(telegram))


async def test_a_call_in_the_response_is_made(telegram: Telegram, bot: BotServer) -> None:
    async def answer(update: Json) -> web.Response:
        chat = update["message"]["chat"]["id"]
        return web.json_response({"method": "sendMessage", "chat_id": chat, "text": "at once"})

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "hello")
    await telegram.sees(7, "at once")


async def test_a_webhook_in_the_response_cannot_move_the_webhook(
    telegram: Telegram, bot: BotServer
) -> None:
    async def answer(_update: Json) -> web.Response:
        return web.json_response({"method": "setWebhook", "url": ""})

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url)
    await telegram.says(7, "hello")
    await until(lambda: nothing_pending(telegram))
    assert (await telegram.call("getWebhookInfo"))["url"] == bot.url


async def test_dropping_pending_updates_delivers_only_what_comes_after(
    telegram: Telegram, bot: BotServer
) -> None:
    await telegram.says(7, "old")
    await telegram.call("setWebhook", url=bot.url, drop_pending_updates=True)
    await telegram.says(7, "new")
    await until(lambda: nothing_pending(telegram))
    assert bot.texts() == ["new"]


async def test_after_deleting_the_webhook_the_rest_is_polled(
    telegram: Telegram, bot: BotServer
) -> None:
    async def answer(_update: Json) -> web.Response:
        return web.Response(status=500)

    bot.answer = answer
    await telegram.call("setWebhook", url=bot.url, max_connections=7, allowed_updates=["message"])
    info = await telegram.call("getWebhookInfo")
    assert info["max_connections"] == 7
    assert info["allowed_updates"] == ["message"]
    await telegram.says(7, "kept")
    await until(lambda: bot.texts() != [])
    await telegram.call("deleteWebhook")
    assert (await telegram.call("getWebhookInfo"))["url"] == ""
    updates = await telegram.call("getUpdates")
    assert [update["message"]["text"] for update in updates] == ["kept"]


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"url": "ftp://host"}, "bad webhook: invalid webhook URL specified"),
        ({"url": "nonsense"}, "bad webhook: invalid webhook URL specified"),
        (
            {"url": "https://host/", "secret_token": "a b"},
            "secret token contains unallowed characters",
        ),
        ({"url": "https://host/", "secret_token": "a" * 257}, "secret token is too long"),
    ],
)
async def test_a_bad_webhook_is_refused(
    telegram: Telegram, parameters: dict[str, str], description: str
) -> None:
    assert await telegram.refused("setWebhook", **parameters) == (
        400,
        f"Bad Request: {description}",
    )
