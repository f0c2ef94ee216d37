"""What a person may ask about their own data: to see it, and to have all of it forgotten.

The rule: nothing is deleted by a single press. The question is asked first, and a yes counts for
a short while and for who was asked, so an old question in a chat is no trap.
"""

import orjson
from aiogram import Bot, F, Router, html
from aiogram.enums import ParseMode
from aiogram.filters import Command
from aiogram.types import CallbackQuery, Message

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import Language, User
from yabot.domain.users import language_of
from yabot.domain.values import Instant
from yabot.services.users import UserService
from yabot.telegram.handlers.keyboards import forget_keyboard
from yabot.telegram.handlers.screens import Screen, refuse, send, show
from yabot.users.turn import Turn

YES_COUNTS = 600
"""Seconds for which the question can be answered with yes."""

SHOWN = ("profile", "documents", "subscriptions", "wallet")
"""The sections of an export that are shown whole; of the others, how many rows there are."""

PIECE = 3_500
"""Characters of one message; Telegram takes 4,096."""


def router() -> Router:
    """A router for both, and for the old buttons of whoever is forgotten; it is asked first."""
    router = Router(name="privacy")
    router.callback_query.register(stranger, is_stranger)
    router.message.register(my_data, Command("mydata"))
    router.callback_query.register(my_data, F.data == "mydata")
    router.message.register(ask, Command("forget"))
    router.callback_query.register(ask, F.data == "forget")
    router.callback_query.register(forget, F.data.regexp(r"^forget:\d{1,19}:\d{1,12}$"))
    return router


async def is_stranger(_query: CallbackQuery, user: User | None) -> bool:
    """Whether a button was pressed by somebody who is not registered."""
    return user is None


async def stranger(query: CallbackQuery, default_language: Language) -> None:
    """Tell somebody whom the bot has forgotten how to begin anew."""
    language = language_of(query.from_user.language_code, default_language)
    await query.answer(say(language, "user_unknown"), show_alert=True)


async def my_data(event: Message | CallbackQuery, bot: Bot, user: User, users: UserService) -> None:
    """Tell what is kept of the user in their private chat, wherever they asked."""
    export = await users.export_user(user.user_id)
    sections = export.sections if export is not None else {}
    kept = {name: rows if name in SHOWN else len(rows) for name, rows in sections.items()}
    text = orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode()
    chat = user.profile.telegram_user_id
    await bot.send_message(chat, say(user.language, "my_data"))
    for start in range(0, len(text), PIECE):
        piece = html.pre(html.quote(text[start : start + PIECE]))
        await bot.send_message(chat, piece, parse_mode=ParseMode.HTML)
    if isinstance(event, CallbackQuery):
        await event.answer()


async def ask(event: Message | CallbackQuery, user: User, turn: Turn) -> None:
    """Ask whether everything shall be forgotten."""
    text = say(user.language, "forget", balance=user.balance)
    yes = f"forget:{user.user_id}:{int(turn.now.timestamp())}"
    screen = Screen(text, forget_keyboard(user.language, yes))
    if isinstance(event, Message):
        await send(event, screen)
    else:
        await show(event, screen)


async def forget(query: CallbackQuery, user: User, turn: Turn, users: UserService) -> None:
    """Forget the user, and say goodbye in the place of the question."""
    if not _counts(query.data or "", user, turn.now):
        await query.answer(say(user.language, "button_outdated"), show_alert=True)
        return
    outcome = await users.delete_user(user.user_id)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    if isinstance(query.message, Message):
        await query.message.edit_text(say(user.language, "forgotten"))
    await query.answer()


def _counts(data: str, user: User, now: Instant) -> bool:
    """Whether this very person was asked, since they registered and not too long ago."""
    _, asked, at = data.split(":")
    since = int(user.profile.registration_date.timestamp())
    age = int(now.timestamp()) - int(at)
    return asked == user.user_id and int(at) >= since and 0 <= age <= YES_COUNTS
