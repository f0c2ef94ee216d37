"""A whole bot against the local Telegram: what a person types comes back as what the bot says."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

import aiohttp
import anyio
import orjson
import pytest
from aiogram import Bot, F, Router
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from supervision import Breaker
from tests.fakes import MemoryStores
from tests.telegram.post import leave
from tests.telegram.server import TOKEN
from tests.telegram.turns import Turns
from tests.waiting import until
from yabot.sandbox import Sandbox
from yabot.telegram.bot import direct_bot
from yabot.telegram.client import TelegramClient
from yabot.telegram.delivery import Delivery
from yabot.telegram.ingress import Ingress
from yabot.telegram.polling import Poller
from yabot.telegram.replies import ReplySender, SendingMeter
from yabot.telegram.webhook import WebhookHandler, WebhookServer, choose_mode
from yabot.users.ports import Mail

pytestmark = pytest.mark.anyio

KINDS = ["message", "callback_query"]
SECRET = "s" * 32


def counting() -> Router:
    """Counts presses in the message that they stand under."""
    router = Router()

    def keyboard(count: int) -> InlineKeyboardMarkup:
        button = InlineKeyboardButton(text="+", callback_data=str(count + 1))
        return InlineKeyboardMarkup(inline_keyboard=[[button]])

    @router.message(F.text == "/count")
    async def begin(event: Message) -> None:
        sent = await event.answer("...")
        await sent.edit_text("0", reply_markup=keyboard(0))

    @router.message()
    async def echo(event: Message) -> None:
        await event.answer(event.text or "")

    @router.callback_query()
    async def more(event: CallbackQuery) -> None:
        assert isinstance(event.message, Message)
        assert event.data
        await event.message.edit_text(event.data, reply_markup=keyboard(int(event.data)))
        await event.answer("counted")

    return router


class Person:
    """Somebody with Telegram in their hand."""

    def __init__(self, http: aiohttp.ClientSession, url: str, user: int) -> None:
        self._http = http
        self._base = f"{url}/sandbox/users/{user}"
        self.faults = f"{url}/sandbox/faults"

    async def post(self, path: str, **body: object) -> None:
        async with self._http.post(self._base + path, json=body) as response:
            assert response.status < 300, await response.text()

    async def fault(self, **body: object) -> None:
        async with self._http.post(self.faults, json=body) as response:
            assert response.status < 300, await response.text()

    async def chat(self) -> dict[str, object]:
        async with self._http.get(f"{self._base}/chat") as response:
            seen: dict[str, object] = orjson.loads(await response.read())
            return seen

    async def bot_says(self) -> list[str]:
        messages = (await self.chat())["messages"]
        assert isinstance(messages, list)
        return [m["text"] for m in messages if m["from"]["is_bot"]]

    async def sees(self, wanted: list[str]) -> None:
        with anyio.fail_after(10):
            while (said := await self.bot_says()) != wanted:
                assert len(said) <= len(wanted) + 1, said
                await anyio.sleep(0.01)


class Running:
    """A bot of one router: intake, turns one after another, sender. Stores are in memory."""

    def __init__(self, url: str, clock: Callable[[], datetime], stores: MemoryStores) -> None:
        self.url = url
        self.clock = clock
        self.users = stores.users
        self.replies = stores.replies
        self.meter = SendingMeter()
        self._mail, self._mails = anyio.create_memory_object_stream[Mail](1000)
        self.ingress = Ingress(stores.inbox, self._mail.send_nowait, bot_id=42)

    async def turns(self, bot: Bot) -> None:
        turns = Turns(bot, self.users, self.clock, counting())
        async with self._mail, self._mails:
            async for mail in self._mails:
                await turns.run(mail.update)

    @asynccontextmanager
    async def up(self, *, webhook: bool) -> AsyncIterator["Running"]:
        bot = direct_bot(TOKEN, self.url)
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(TelegramClient(TOKEN, self.url))
            stack.push_async_callback(bot.session.close)
            group = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(group.cancel_scope.cancel)
            delivery = Delivery(client, Breaker("telegram"), self.replies, self.clock)
            group.start_soon(ReplySender(self.replies, delivery, self.meter).run)
            group.start_soon(self.turns, bot)
            if webhook:
                await self._serve(stack, client)
            else:
                group.start_soon(Poller(client, self.ingress, KINDS).run)
            yield self

    async def _serve(self, stack: AsyncExitStack, client: TelegramClient) -> None:
        handler = WebhookHandler(self.ingress, SECRET)
        server = WebhookServer(handler, host="127.0.0.1", port=0, path="/hook")
        await server.started()
        stack.push_async_callback(server.stopping)
        url = f"http://127.0.0.1:{server.port}/hook"
        mode = await choose_mode(client, url=url, secret=SECRET, allowed=KINDS)
        assert mode == "webhook"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(tokens=(TOKEN,), webhook_retry_delay=0.05) as sandbox:
        yield sandbox


@pytest.fixture
async def ana(sandbox: Sandbox) -> AsyncIterator[Person]:
    async with aiohttp.ClientSession() as http:
        yield Person(http, sandbox.url, 7)


@pytest.fixture
def running(sandbox: Sandbox, clock: Callable[[], datetime], stores: MemoryStores) -> Running:
    return Running(sandbox.url, clock, stores)


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_messages_are_answered_in_the_order_in_which_they_were_written(
    running: Running, ana: Person, webhook: bool
) -> None:
    async with running.up(webhook=webhook):
        words = [f"word {n}" for n in range(10)]
        for word in words:
            await ana.post("/messages", text=word)
        await ana.sees(words)


async def test_a_message_that_was_just_sent_is_edited_in_place_and_by_presses(
    running: Running, ana: Person
) -> None:
    async with running.up(webhook=False):
        await ana.post("/messages", text="/count")
        await ana.sees(["0"])
        messages = (await ana.chat())["messages"]
        assert isinstance(messages, list)
        shown = messages[-1]["message_id"]
        await ana.post("/presses", message_id=shown, data="1")
        await ana.sees(["1"])
        await until(lambda: running.meter.statistics().sent == 4)
        answers = (await ana.chat())["answers"]
        assert isinstance(answers, list)
        assert [answer["text"] for answer in answers] == ["counted"]


async def test_floods_and_faults_of_telegram_change_neither_order_nor_count(
    running: Running, ana: Person
) -> None:
    await ana.fault(method="sendMessage", status=429, retry_after=1, times=1)
    await ana.fault(method="sendMessage", status=502, times=2)
    await ana.fault(method="sendMessage", drop="before", times=2)
    await ana.fault(method="getUpdates", status=500, times=1)
    async with running.up(webhook=False):
        words = [f"word {n}" for n in range(5)]
        for word in words:
            await ana.post("/messages", text=word)
        await ana.sees(words)
        assert running.meter.statistics().retried >= 4


async def test_who_blocks_the_bot_is_reported_as_out_of_reach(
    running: Running, ana: Person, stores: MemoryStores
) -> None:
    async with running.up(webhook=False):
        await ana.post("/messages", text="hello")
        await ana.sees(["hello"])
        await ana.post("/block")
        leave(stores.replies, "chat:7", "sendMessage", chat_id=7, text="are you there?")
        await until(lambda: bool(stores.replies.refusals))
    ((_, reason, unreachable),) = stores.replies.refusals
    assert "blocked" in reason
    assert unreachable
