"""A helpful answer to what no other handler took. Groups are left in peace."""

from aiogram import F, Router
from aiogram.enums import ChatType
from aiogram.types import CallbackQuery, Message

from yabot.domain.texts import say
from yabot.domain.user import User


def router() -> Router:
    """A router that is asked last."""
    router = Router(name="fallback")
    private = F.chat.type == ChatType.PRIVATE
    router.message.register(unknown_command, private, F.text.startswith("/"))
    router.message.register(not_understood, private, F.text)
    router.message.register(unsupported, private)
    router.callback_query.register(outdated)
    return router


async def unknown_command(message: Message, user: User) -> None:
    """Name the command that tells all others."""
    await message.answer(say(user.language, "unknown_command"))


async def not_understood(message: Message, user: User) -> None:
    """Lead a text that means nothing to the bot to the menu."""
    await message.answer(say(user.language, "not_understood"))


async def unsupported(message: Message, user: User) -> None:
    """Say what kinds of message the bot understands."""
    await message.answer(say(user.language, "unsupported"))


async def outdated(query: CallbackQuery, user: User) -> None:
    """End the wait of a button that stands for nothing any more."""
    await query.answer(say(user.language, "button_outdated"), show_alert=True)
