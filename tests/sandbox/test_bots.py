"""Ordinary aiogram bots against the sandbox, unchanged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ChatAction, ParseMode
from aiogram.filters import CommandStart
from aiogram.methods import SendMessage
from aiogram.types import (
    BotCommand,
    CallbackQuery,
    ChatMemberUpdated,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)
from aiogram.webhook.aiohttp_server import SimpleRequestHandler, setup_application
from aiohttp import web

from tests.sandbox.telegram import BOT_ID, TOKEN, Telegram, open_telegram
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

CHOICE = InlineKeyboardMarkup(
    inline_keyboard=[[InlineKeyboardButton(text="Open", callback_data="open")]]
)


def dispatcher() -> Dispatcher:
    router = Router()

    @router.message(CommandStart())
    async def start(message: Message, bot: Bot) -> None:
        await bot.send_chat_action(message.chat.id, ChatAction.TYPING)
        await message.answer("A <b>door</b>.", parse_mode=ParseMode.HTML, reply_markup=CHOICE)

    @router.callback_query(F.data == "open")
    async def opened(query: CallbackQuery) -> None:
        assert isinstance(query.message, Message)
        await query.answer("It creaks.")
        await query.message.edit_text("The door is open.")

    @router.my_chat_member()
    async def left(change: ChatMemberUpdated) -> None:
        seen.append(change.new_chat_member.status)

    @router.message()
    async def echo(message: Message) -> SendMessage:
        return message.answer(message.text or "")

    seen: list[str] = []
    built = Dispatcher(seen=seen)
    built.include_router(router)
    return built


@asynccontextmanager
async def aiogram_bot(url: str) -> AsyncIterator[Bot]:
    bot = Bot(TOKEN, session=AiohttpSession(api=TelegramAPIServer.from_base(url)))
    try:
        yield bot
    finally:
        await bot.session.close()


@asynccontextmanager
async def polling(url: str) -> AsyncIterator[Dispatcher]:
    built = dispatcher()
    async with aiogram_bot(url) as bot, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: built.start_polling(bot, handle_signals=False))
        yield built
        await built.stop_polling()


@asynccontextmanager
async def webhook(url: str, *, in_background: bool) -> AsyncIterator[None]:
    built = dispatcher()
    application = web.Application()
    async with aiogram_bot(url) as bot:
        handler = SimpleRequestHandler(
            built, bot, handle_in_background=in_background, secret_token="hush"
        )
        handler.register(application, path="/hook")
        setup_application(application, built, bot=bot)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        await bot.set_webhook(f"http://{host}:{port}/hook", secret_token="hush")
        try:
            yield
        finally:
            await bot.delete_webhook()
            await runner.cleanup()


async def plays_through(telegram: Telegram) -> None:
    await telegram.says(7, "/start")
    door = await telegram.sees(7, "A door.")
    assert door["entities"] == [{"type": "bold", "offset": 2, "length": 4}]
    await telegram.presses(7, door["message_id"], "open")
    opened = await telegram.sees(7, "The door is open.")
    assert opened["message_id"] == door["message_id"]
    assert "reply_markup" not in opened
    assert [a["text"] for a in (await telegram.screen(7))["answers"]] == ["It creaks."]
    await telegram.says(8, "hello")
    await telegram.says(8, "again")

    async def echoed() -> bool:
        return sorted(await telegram.texts(8)) == ["again", "again", "hello", "hello"]

    await until(echoed)


async def test_an_aiogram_bot_runs_by_polling(sandbox: Sandbox, telegram: Telegram) -> None:
    async with polling(sandbox.url):
        await plays_through(telegram)


async def test_an_aiogram_bot_with_throttled_polls_misses_nothing() -> None:
    async with Sandbox() as sandbox, open_telegram(sandbox) as telegram, polling(sandbox.url):
        await plays_through(telegram)


@pytest.mark.parametrize("in_background", [True, False])
async def test_an_aiogram_bot_runs_by_webhook(
    sandbox: Sandbox, telegram: Telegram, in_background: bool
) -> None:
    async with webhook(sandbox.url, in_background=in_background):
        await plays_through(telegram)

        async def all_accepted() -> bool:
            info = await telegram.call("getWebhookInfo")
            assert "last_error_message" not in info
            return bool(info["pending_update_count"] == 0)

        await until(all_accepted)


async def test_a_bot_hears_that_a_user_blocked_it(sandbox: Sandbox, telegram: Telegram) -> None:
    await telegram.call("getMe")
    async with polling(sandbox.url) as bot:
        await telegram.says(7, "hello")
        await telegram.drive("users/7/block")
        await telegram.drive("users/7/unblock")
        await until(lambda: bot["seen"] == ["kicked", "member"])


async def test_aiogram_decodes_what_the_asking_methods_answer(
    sandbox: Sandbox, telegram: Telegram
) -> None:
    await telegram.says(7, "hello")
    async with aiogram_bot(sandbox.url) as bot:
        me = await bot.get_me()
        assert (me.id, me.is_bot) == (BOT_ID, True)
        assert (await bot.get_chat(7)).type == "private"
        await bot.set_my_commands([BotCommand(command="start", description="Begin")])
        assert [c.command for c in await bot.get_my_commands()] == ["start"]
        assert (await bot.get_webhook_info()).url == ""
        assert [u.message.text for u in await bot.get_updates() if u.message] == ["hello"]
