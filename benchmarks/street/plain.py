"""The bot to compare with: plain aiogram as its documentation has it, in memory, one lock a user.

It shows the same screens and makes the same calls; it keeps nothing over a restart.
"""

import argparse
import asyncio

from aiogram import Bot, Dispatcher, F, html
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.memory import MemoryStorage, SimpleEventIsolation
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from yabot.content.loader import load_story
from yabot.domain.menus import MENUS
from yabot.domain.story import BEGINNING, Fragment
from yabot.domain.texts import say

STORY = load_story(None).fragments["es"]
REACTIONS = (("heart", "❤️"), ("fire", "🔥"), ("wow", "😮"))
TOKEN = "4343:plain-aiogram-bot"


def fragment_view(fragment: Fragment) -> tuple[str, InlineKeyboardMarkup]:
    """A fragment's text and buttons."""
    rows = [
        [
            InlineKeyboardButton(
                text=choice.text, callback_data=f"story:{fragment.fragment_id}:{choice.id}"
            )
        ]
        for choice in fragment.choices
    ]
    rows.append(
        [
            InlineKeyboardButton(text=shown, callback_data=f"react:{fragment.fragment_id}:{name}")
            for name, shown in REACTIONS
        ]
    )
    text = f"<b>{html.quote(fragment.title)}</b>\n\n{html.quote(fragment.content)}"
    return text, InlineKeyboardMarkup(inline_keyboard=rows)


async def start(message: Message, state: FSMContext) -> None:
    """Welcome the user with the main menu."""
    await state.update_data(choices=[], fragment=BEGINNING)
    rows = [
        [InlineKeyboardButton(text=say("es", f"button_{name}"), callback_data=f"menu:{name}")]
        for name in MENUS["main_menu"]
    ]
    await message.answer(
        say("es", "welcome", name=message.from_user.first_name if message.from_user else ""),
        reply_markup=InlineKeyboardMarkup(inline_keyboard=rows),
    )


async def story(message: Message, state: FSMContext) -> None:
    """Show where the user is."""
    data = await state.get_data()
    text, keyboard = fragment_view(STORY[data.get("fragment", BEGINNING)])
    await message.answer(text, reply_markup=keyboard, parse_mode="HTML")


async def choose(query: CallbackQuery, state: FSMContext) -> None:
    """Take a choice."""
    _, fragment_id, choice_id = (query.data or "").split(":")
    data = await state.get_data()
    choice = STORY[fragment_id].choice(choice_id)
    assert choice is not None
    chosen = [*data.get("choices", []), [fragment_id, choice_id]]
    await state.update_data(choices=chosen, fragment=choice.next_fragment)
    text, keyboard = fragment_view(STORY[choice.next_fragment])
    if isinstance(query.message, Message):
        await query.message.edit_text(text, reply_markup=keyboard, parse_mode="HTML")
    await query.answer()


async def main(url: str) -> None:
    """Poll until stopped."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(url))
    dispatcher = Dispatcher(storage=MemoryStorage(), events_isolation=SimpleEventIsolation())
    dispatcher.message.register(start, CommandStart())
    dispatcher.message.register(story, Command("story"))
    dispatcher.callback_query.register(choose, F.data.startswith("story:"))
    await dispatcher.start_polling(Bot(TOKEN, session=session))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    asyncio.run(main(parser.parse_args().url))
