"""Users come into being by writing to the bot, and in no other way."""

from collections.abc import Callable
from datetime import datetime

import pytest
from aiogram import Bot, F, Router
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message

from tests.fakes import MemoryUsers
from tests.telegram.turns import Turns
from tests.telegram.updates import message
from yabot.domain.commands import (
    MarkInactive,
)
from yabot.domain.user import User
from yabot.errors import CannotRecord
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]


class Form(StatesGroup):
    name = State()


async def stored(users: MemoryUsers) -> User:
    user = (await users.load("7")).user
    assert user is not None
    return user


async def test_who_writes_for_the_first_time_is_registered_before_the_handler_runs(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    seen: list[User | None] = []

    @router.message()
    async def hello(event: Message, user: User | None) -> None:
        seen.append(user)

    await Turns(bot, users, clock, router).run(message())
    profile = (await stored(users)).profile

    assert seen[0] is not None
    assert (profile.telegram_user_id, profile.username, profile.language_code) == (7, "ana", "en")


async def test_who_comes_back_is_active_again(bot: Bot, users: MemoryUsers, clock: Now) -> None:
    router = Router()

    @router.message(F.text == "leave")
    async def leave(event: Message, turn: Turn) -> None:
        turn.apply(MarkInactive())

    @router.message()
    async def stay(event: Message) -> None:
        """Nothing to say."""

    turns = Turns(bot, users, clock, router)
    await turns.run(message("leave"))
    assert not (await stored(users)).profile.is_active
    await turns.run(message("back"))
    assert (await stored(users)).profile.is_active


async def test_leaving_registers_nobody(bot: Bot, users: MemoryUsers, clock: Now) -> None:
    router = Router()
    sender = {"id": 7, "is_bot": False, "first_name": "Ana"}
    member = {"user": {"id": 42, "is_bot": True, "first_name": "Yabot"}}

    @router.my_chat_member()
    async def changed(event: object, user: User | None) -> None:
        assert user is None

    await Turns(bot, users, clock, router).run(
        {
            "update_id": 900,
            "my_chat_member": {
                "chat": {"id": 7, "type": "private"},
                "from": sender,
                "date": 1715946000,
                "old_chat_member": {"status": "member", **member},
                "new_chat_member": {"status": "kicked", "until_date": 0, **member},
            },
        }
    )
    assert (await users.load("7")).user is None


async def test_a_post_in_a_chats_own_name_registers_nobody(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    group = {"id": -1001, "type": "supergroup", "title": "Group"}
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group"}

    @router.message()
    async def post(event: Message, user: User | None, state: FSMContext) -> None:
        assert user is None
        assert await state.get_state() is None
        with pytest.raises(CannotRecord, match="user chat:-1001"):
            await state.set_state(Form.name)
        await event.answer("seen")

    update = message("x", **{"from": anonymous, "sender_chat": group, "chat": group})
    (call,) = await Turns(bot, users, clock, router).run(update)

    assert call.lane == "chat:-1001"
    assert (await users.load("1087968824")).user is None
