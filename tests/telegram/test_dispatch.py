"""aiogram inside a turn: what reaches a handler, and what an update without one does."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from aiogram import Bot, F, Router
from aiogram.types import Message, Update
from aiogram.types import User as Sender

from tests.fakes import MemoryUsers
from tests.telegram.clock import Clock
from tests.telegram.server import BotApi
from tests.telegram.turns import Turns, params
from tests.telegram.updates import message, press
from tests.waiting import until
from yabot.domain.commands import (
    ExpireSubscription,
    SetSubscription,
)
from yabot.domain.texts import say
from yabot.telegram import middleware
from yabot.telegram.dispatch import allowed_updates, build_dispatcher
from yabot.telegram.parsing import KINDS, TurnUpdate
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

Now = Callable[[], datetime]


async def test_updates_without_a_handler_or_of_an_unknown_kind_complete(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    turns = Turns(bot, users, clock, Router())

    assert await turns.run(press()) == ()
    assert await turns.run({"update_id": 901, "telepathy": {"from": {"id": 7}}}) == ()


async def test_handlers_get_the_turn_the_services_and_the_sender(
    bot: Bot, users: MemoryUsers, clock: Now
) -> None:
    router = Router()

    @router.message()
    async def all_of_it(
        event: Message, turn: Turn, colour: str, direct_bot: Bot, event_from_user: Sender
    ) -> None:
        assert (turn.user_id, colour, direct_bot) == ("7", "blue", bot)
        assert type(direct_bot) is Bot
        assert event_from_user.id == 7

    await Turns(bot, users, clock, router).run(message())


async def test_a_slow_handler_is_shown_as_typing_and_a_fast_one_is_not(
    api: BotApi, bot: Bot, users: MemoryUsers, clock: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = Router()
    monkeypatch.setattr(middleware, "PATIENCE", 0.02)

    @router.message(F.text == "slow")
    async def slow(event: Message) -> None:
        await until(lambda: bool(api.of("sendChatAction")))

    @router.message()
    async def fast(event: Message) -> None:
        """Nothing to do."""

    turns = Turns(bot, users, clock, router)
    await turns.run(message("fast"))
    assert api.calls == []
    await turns.run(message("slow"))
    assert api.of("sendChatAction") == [{"chat_id": "7", "action": "typing"}]


async def test_notices_of_decisions_become_messages_to_the_user(
    bot: Bot, users: MemoryUsers, clock: Clock
) -> None:
    router = Router()
    until_when = clock.now + timedelta(days=1)

    @router.message(F.text == "buy")
    async def buy(event: Message, turn: Turn) -> None:
        turn.apply(SetSubscription(plan="vip", end_date=until_when))

    @router.message()
    async def expire(event: Message, turn: Turn) -> None:
        turn.apply(ExpireSubscription(end_date=until_when))

    turns = Turns(bot, users, clock, router)
    await turns.run(message("buy"))
    clock.advance(86_401)
    (call,) = await turns.run(message("later"))

    assert (call.lane, call.method) == ("chat:7", "sendMessage")
    assert params(call) == {"chat_id": 7, "text": say("en", "plan_expired", plan="vip")}


def test_a_turn_update_names_the_same_kind_as_aiogram_does() -> None:
    for raw in (message(), press()):
        assert TurnUpdate.model_validate(raw).event_type == Update.model_validate(raw).event_type
    assert set(KINDS) == set(Update.model_fields) - {"update_id"}


def test_only_kinds_with_a_handler_are_asked_for() -> None:
    router = Router()

    @router.message()
    async def hello(event: Message) -> None:
        """Nothing to do."""

    @router.callback_query()
    async def pressed(event: object) -> None:
        """Nothing to do."""

    dispatcher = build_dispatcher([router], default_language="es", data={})
    assert allowed_updates(dispatcher) == ["callback_query", "message"]
