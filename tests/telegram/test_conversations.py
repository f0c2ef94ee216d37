"""`FSMContext` works as always, and commits or vanishes with the turn."""

from collections.abc import Callable
from datetime import datetime

import pytest
from aiogram import Bot, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message

from tests.fakes import MemoryUsers
from tests.telegram.turns import Turns, params
from tests.telegram.updates import message
from yabot.domain.user import Conversation, User

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]


class Form(StatesGroup):
    name = State()


async def stored(users: MemoryUsers) -> User:
    user = (await users.load("7")).user
    assert user is not None
    return user


async def test_an_fsm_context_commits_with_its_turn(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message(Command("name"))
    async def ask(event: Message, state: FSMContext) -> None:
        await state.set_state(Form.name)
        await state.update_data(asked=1)

    @router.message(Form.name)
    async def take(event: Message, state: FSMContext) -> None:
        data = await state.get_data()
        await state.clear()
        await event.answer(f"{event.text} {data['asked']}")

    turns = Turns(bot, users, clock, router)
    await turns.run(message("/name"))
    kept = (await stored(users)).document.conversations
    assert kept == {"7": Conversation(state="Form:name", data={"asked": 1})}

    (call,) = await turns.run(message("Ana"))
    assert params(call)["text"] == "Ana 1"
    assert (await stored(users)).document.conversations == {}


async def test_an_fsm_context_is_kept_by_chat_and_destiny(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    group = {"id": -1001, "type": "supergroup", "title": "Group"}

    @router.message()
    async def ask(event: Message, state: FSMContext) -> None:
        await state.set_state(Form.name)

    turns = Turns(bot, users, clock, router)
    await turns.run(message())
    await turns.run(message(chat=group))

    assert set((await stored(users)).document.conversations) == {"7", "-1001"}
