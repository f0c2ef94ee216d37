"""What every update passes on its way to a handler.

The rule: a middleware here serves the turn (its user, its failure, the sign that it is at work);
what the bot says is the handlers' part.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.enums import ChatAction
from aiogram.exceptions import AiogramError
from aiogram.types import Chat, TelegramObject, Update, User

from yabot.domain.commands import RegisterUser
from yabot.domain.user import Language
from yabot.eager import Begun
from yabot.users.turn import Turn

Data = dict[str, Any]
Next = Callable[[TelegramObject, Data], Awaitable[Any]]

PATIENCE = 1.5
"""Seconds after which a handler that still runs is shown as typing."""

TYPING_LASTS = 4.5
"""Seconds after which Telegram must be told again that the bot is typing."""

log = structlog.get_logger(__name__)


async def mark_failure(handler: Next, event: TelegramObject, data: Data) -> Any:
    """Fail the turn before anybody can swallow the error: half a turn never commits."""
    try:
        return await handler(event, data)
    except (SkipHandler, CancelHandler):
        raise
    except Exception as error:
        data["turn"].fail(error)
        raise


class RegisterUnknown:
    """Registers who writes for the first time, or comes back, and gives handlers the `user`."""

    def __init__(self, default_language: Language) -> None:
        self._default_language = default_language

    async def __call__(self, handler: Next, event: TelegramObject, data: Data) -> Any:
        """A change of membership registers nobody: it is how Telegram says that a user left.

        Who was deleted comes back by a message, never by a button that is left from before.
        """
        turn: Turn = data["turn"]
        sender: User | None = data.get("event_from_user")
        if sender is not None and _is_new(turn, sender) and _registers(turn, event):
            turn.apply(self._registration(sender))
        data["user"] = turn.user
        return await handler(event, data)

    def _registration(self, sender: User) -> RegisterUser:
        return RegisterUser(
            telegram_user_id=sender.id,
            username=sender.username,
            first_name=sender.first_name,
            last_name=sender.last_name,
            language_code=sender.language_code,
            default_language=self._default_language,
        )


def _registers(turn: Turn, event: TelegramObject) -> bool:
    if not isinstance(event, Update):
        return True
    if event.my_chat_member or event.chat_member:
        return False
    return event.message is not None or not turn.forgotten


def _is_new(turn: Turn, sender: User) -> bool:
    if sender.is_bot or turn.user_id != str(sender.id):
        return False
    return turn.user is None or not turn.user.profile.is_active


async def show_typing(handler: Next, event: TelegramObject, data: Data) -> Any:
    """Show a slow handler as typing; one that never waits costs nothing."""
    chat: Chat | None = data.get("event_chat")
    if chat is None:
        return await handler(event, data)
    handling = Begun(handler(event, data))
    if not handling.waits:
        return await handling
    typing = _Typing(data["direct_bot"], chat.id)
    timer = asyncio.get_running_loop().call_later(PATIENCE, typing.start)
    try:
        return await handling
    finally:
        timer.cancel()
        typing.stop()


class _Typing:
    def __init__(self, bot: Bot, chat_id: int) -> None:
        self._bot = bot
        self._chat_id = chat_id
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._show())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _show(self) -> None:
        try:
            while True:
                await self._bot.send_chat_action(self._chat_id, ChatAction.TYPING)
                await asyncio.sleep(TYPING_LASTS)
        except AiogramError as error:
            log.debug("typing.failed", error=str(error))


def install(dispatcher: Dispatcher, *, default_language: Language) -> None:
    """Put the middlewares in their places; call it when every router is included."""
    dispatcher.update.outer_middleware(mark_failure)
    dispatcher.update.outer_middleware(RegisterUnknown(default_language))
    dispatcher.update.outer_middleware(show_typing)
    for router in dispatcher.chain_tail:
        for name, observer in router.observers.items():
            if name not in ("update", "error"):
                observer.middleware(mark_failure)
