"""Whoever catches an error of a handler, nothing of its turn leaves."""

from collections.abc import Callable
from datetime import datetime

import pytest
from aiogram import Bot, F, Router
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import ErrorEvent, Message, TelegramObject
from structlog.testing import capture_logs

from tests.fakes import MemoryUsers
from tests.telegram.turns import Turns, params
from tests.telegram.updates import message
from yabot.domain.commands import (
    MoveBesitos,
)
from yabot.telegram import middleware
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]


class Form(StatesGroup):
    name = State()


class Broken(Exception):
    """What a handler raises in these tests."""


async def test_a_failed_turn_leaves_neither_calls_nor_state(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def half(event: Message, state: FSMContext, turn: Turn) -> None:
        await event.answer("begun")
        await state.set_state(Form.name)
        turn.apply(MoveBesitos(amount=5, reason="test"))
        raise Broken

    with pytest.raises(Broken):
        await Turns(bot, users, clock, router).run(message())
    assert (await users.load("7")).user is None
    assert users.commits == []


async def test_an_error_that_an_error_handler_swallows_fails_the_turn_all_the_same(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()
    seen: list[BaseException | None] = []

    @router.message()
    async def half(event: Message) -> None:
        await event.answer("begun")
        raise Broken("inside")

    @router.errors()
    async def swallow(event: ErrorEvent, turn: Turn) -> bool:
        seen.append(turn.failure)
        return True

    with pytest.raises(Broken, match="inside"):
        await Turns(bot, users, clock, router).run(message())
    assert isinstance(seen[0], Broken)
    assert users.commits == []


async def test_an_error_that_a_middleware_swallows_fails_the_turn_all_the_same(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message.middleware
    async def swallow(
        handler: middleware.Next, event: TelegramObject, data: middleware.Data
    ) -> object:
        try:
            return await handler(event, data)
        except Broken:
            return None

    @router.message()
    async def half(event: Message) -> None:
        raise Broken

    with pytest.raises(Broken):
        await Turns(bot, users, clock, router).run(message())


async def test_an_error_in_a_filter_fails_the_turn_before_it_can_be_swallowed(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    def broken(event: Message) -> bool:
        raise Broken("in a filter")

    @router.message(broken)
    async def never(event: Message) -> None:
        raise AssertionError

    @router.errors()
    async def swallow(event: ErrorEvent) -> bool:
        return True

    with pytest.raises(Broken, match="in a filter"):
        await Turns(bot, users, clock, router).run(message())


async def test_an_error_handler_that_raises_does_not_hide_the_first_error(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def half(event: Message) -> None:
        raise Broken("first")

    @router.errors()
    async def worse(event: ErrorEvent) -> None:
        raise ValueError("second")

    with pytest.raises(Broken, match="first"):
        await Turns(bot, users, clock, router).run(message())


async def test_skip_goes_to_the_next_handler_and_cancel_ends_without_failing(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def skip(event: Message) -> None:
        raise SkipHandler

    @router.message(F.text == "cancel")
    async def cancel(event: Message) -> None:
        await event.answer("cancelled")
        raise CancelHandler

    @router.message()
    async def last(event: Message) -> None:
        await event.answer("last")

    turns = Turns(bot, users, clock, router)
    assert [params(c)["text"] for c in await turns.run(message("go"))] == ["last"]
    assert [params(c)["text"] for c in await turns.run(message("cancel"))] == ["cancelled"]


async def test_an_error_of_a_handler_is_one_line_in_the_log(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def half(event: Message) -> None:
        raise Broken("inside")

    with capture_logs() as logs, pytest.raises(Broken):
        await Turns(bot, users, clock, router).run(message())
    (line,) = [log for log in logs if log["event"] == "handler.failed"]
    assert (line["user"], line["update_type"], line["error"]) == (
        "7",
        "message",
        "Broken('inside')",
    )
