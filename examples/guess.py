"""A feature, whole: a guessing game that pays in besitos. It is an ordinary aiogram router."""

import secrets

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Message

from yabot.domain.decision import Rejected
from yabot.domain.user import User
from yabot.events.bus import EventBus
from yabot.services.coordinator import CoordinatorService

PRIZE = 3


class Guess(StatesGroup):
    """Where a player stands: a number has been thought of."""

    thinking = State()


def router() -> Router:
    """The game's router."""
    router = Router(name="guess")
    router.message.register(begin, Command("guess"))
    router.message.register(check, Guess.thinking, F.text.in_({"1", "2", "3"}))
    return router


async def begin(message: Message, state: FSMContext) -> None:
    """Think of a number; it is kept with the user, so a restart forgets nothing."""
    await state.set_state(Guess.thinking)
    await state.update_data(number=secrets.choice("123"))
    await message.answer("I think of 1, 2 or 3. Which one?")


async def check(
    message: Message, state: FSMContext, user: User, coordinator: CoordinatorService, bus: EventBus
) -> None:
    """Pay for a right guess; answer, payment, event and the end of the game are one commit."""
    number = await state.get_value("number")
    await state.clear()
    if message.text != number:
        await message.answer(f"No, it was {number}. /guess again?")
        return
    await bus.publish("guessed_right", {"number": number})
    outcome = await coordinator.process_besitos_transaction(user.user_id, PRIZE, reason="guess")
    if isinstance(outcome, Rejected):
        await message.answer("Right! But your purse is full.")
    else:
        await message.answer(f"Right! You have {outcome.user.balance} besitos now.")
