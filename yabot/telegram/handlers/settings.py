"""The settings in the chat: language and notifications."""

from aiogram import F, Router
from aiogram.types import CallbackQuery

from yabot.domain.commands import ChangePreferences
from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.users import UserService
from yabot.telegram.handlers.screens import menu_screen, refuse, show


def router() -> Router:
    """A router for the settings' buttons."""
    router = Router(name="settings")
    router.callback_query.register(change, F.data.in_(CHANGES))
    router.callback_query.register(toggle_notifications, F.data == "set:notifications")
    return router


CHANGES = {
    "set:language:es": ChangePreferences(language="es"),
    "set:language:en": ChangePreferences(language="en"),
}


async def change(query: CallbackQuery, user: User, users: UserService) -> None:
    """Set what the button stands for."""
    await _save(query, user, users, CHANGES[query.data or ""])


async def toggle_notifications(query: CallbackQuery, user: User, users: UserService) -> None:
    """Turn notifications off when they are on, and on when they are off."""
    wanted = not user.document.preferences.notifications_enabled
    await _save(query, user, users, ChangePreferences(notifications_enabled=wanted))


async def _save(
    query: CallbackQuery, user: User, users: UserService, command: ChangePreferences
) -> None:
    outcome = await users.update_preferences(user.user_id, command)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    saved = say(outcome.user.language, "preferences_saved")
    await show(query, menu_screen(outcome.user, "settings"), saved)
