"""The menus in the chat: opening them, and the daily gift."""

from aiogram import F, Router
from aiogram.types import CallbackQuery

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.coordinator import CoordinatorService
from yabot.telegram.handlers.screens import menu_screen, refuse, show


def router() -> Router:
    """A router for the menus' buttons."""
    router = Router(name="menus")
    router.callback_query.register(open_menu, F.data.startswith("menu:"))
    router.callback_query.register(daily, F.data == "daily")
    return router


async def open_menu(query: CallbackQuery, user: User, coordinator: CoordinatorService) -> None:
    """Show the menu that the button names."""
    menu = (query.data or "").removeprefix("menu:")
    outcome = await coordinator.process_user_interaction(user.user_id, menu)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
    else:
        await show(query, menu_screen(outcome.user, menu))


async def daily(query: CallbackQuery, user: User, coordinator: CoordinatorService) -> None:
    """Give the daily gift and show the purse."""
    outcome = await coordinator.process_user_interaction(user.user_id, "daily")
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    earned = outcome.user.balance - user.balance
    await show(
        query,
        menu_screen(outcome.user, "besitos"),
        say(user.language, "reward", amount=earned),
    )
