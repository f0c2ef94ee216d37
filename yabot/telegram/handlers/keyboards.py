"""The buttons of the chat, and the data behind each.

Data is `feature:argument[:argument]`; a router takes its own feature by that prefix.
"""

from collections.abc import Iterable
from functools import lru_cache

from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup

from yabot.domain.menus import MENUS
from yabot.domain.story import Fragment
from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.services.subscriptions import OFFERS
from yabot.telegram.encoding import WrittenKeyboard

REACTIONS = {"heart": "❤️", "fire": "🔥", "wow": "😮"}
"""The reactions to a fragment: the name that is stored, and what the button shows."""

BUTTON_DATA = {
    "story": "story",
    "daily": "daily",
    "buy_premium": "buy:premium",
    "buy_vip": "buy:vip",
    "language_es": "set:language:es",
    "language_en": "set:language:en",
    "notifications": "set:notifications",
    "my_data": "mydata",
    "forget": "forget",
}
"""The data of a menu's buttons; those that are not here open the menu of their name."""


@lru_cache(maxsize=64)
def menu_keyboard(language: Language, menu: str) -> InlineKeyboardMarkup:
    """The buttons of a menu, one a row."""
    return _column(
        _button(_label(language, name), BUTTON_DATA.get(name, f"menu:{name}"))
        for name in MENUS[menu]
    )


@lru_cache(maxsize=1024)
def _fragment_keyboard(
    fragment_id: str, choices: tuple[tuple[str, str], ...]
) -> InlineKeyboardMarkup:
    rows = [[_button(text, f"story:{fragment_id}:{choice}")] for choice, text in choices]
    rows.append(
        [_button(shown, f"react:{fragment_id}:{name}") for name, shown in REACTIONS.items()]
    )
    return WrittenKeyboard(inline_keyboard=rows)


def fragment_keyboard(fragment: Fragment) -> InlineKeyboardMarkup:
    """The ways on from a fragment, one a row, and below them the reactions."""
    ways = tuple((choice.id, choice.text) for choice in fragment.choices)
    return _fragment_keyboard(fragment.fragment_id, ways)


def forget_keyboard(language: Language, yes_data: str) -> InlineKeyboardMarkup:
    """Yes and no to forgetting everything."""
    yes = _button(say(language, "button_forget_yes"), yes_data)
    no = _button(say(language, "button_forget_no"), "menu:settings")
    return InlineKeyboardMarkup(inline_keyboard=[[yes], [no]])


def _label(language: Language, name: str) -> str:
    if name == "buy_premium":
        return say(language, "button_buy_premium", price=OFFERS["premium"].price)
    if name == "buy_vip":
        return say(language, "button_buy_vip", price=OFFERS["vip"].price)
    return say(language, f"button_{name}")


def _button(text: str, data: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(text=text, callback_data=data)


def _column(buttons: Iterable[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    return WrittenKeyboard(inline_keyboard=[[button] for button in buttons])
