"""What a menu or a fragment looks like: its text and its buttons, for sending and for editing."""

from dataclasses import dataclass

from aiogram import html
from aiogram.enums import ParseMode
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from yabot.domain.decision import Rejected
from yabot.domain.story import Fragment
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.telegram.handlers.keyboards import fragment_keyboard, menu_keyboard


@dataclass(frozen=True, slots=True)
class Screen:
    """One message as the user sees it; `text` is Telegram's HTML."""

    text: str
    keyboard: InlineKeyboardMarkup


def menu_screen(user: User, menu: str) -> Screen:
    """A menu, with what it says about this user."""
    preferences = user.document.preferences
    text = say(
        user.language,
        menu,
        balance=user.balance,
        plan=user.subscription.plan_type,
        notifications=say(user.language, "on" if preferences.notifications_enabled else "off"),
    )
    return Screen(html.quote(text), menu_keyboard(user.language, menu))


def fragment_screen(user: User, fragment: Fragment) -> Screen:
    """A fragment of the story with its ways on."""
    text = f"<b>{html.quote(fragment.title)}</b>\n\n{html.quote(fragment.content)}"
    if not fragment.choices:
        text += f"\n\n<i>{html.quote(say(user.language, 'the_end'))}</i>"
    return Screen(text, fragment_keyboard(fragment))


async def send(message: Message, screen: Screen) -> None:
    """Show a screen as a new message."""
    await message.answer(screen.text, reply_markup=screen.keyboard, parse_mode=ParseMode.HTML)


async def show(query: CallbackQuery, screen: Screen, toast: str | None = None) -> None:
    """Show a screen in place of the one whose button was pressed, and end the button's wait."""
    if isinstance(query.message, Message):
        await query.message.edit_text(
            screen.text, reply_markup=screen.keyboard, parse_mode=ParseMode.HTML
        )
    await query.answer(toast)


async def refuse(event: Message | CallbackQuery, user: User, no: Rejected) -> None:
    """Tell the user why not: a message to a message, an alert to a button."""
    text = say(user.language, no.text, **no.params)
    if isinstance(event, Message):
        await event.answer(text)
    else:
        await event.answer(text, show_alert=True)
