"""The menus of the chat: which there are, what is on them, and remembering which is open."""

from collections.abc import Mapping
from types import MappingProxyType

from yabot.domain import commands as c
from yabot.domain.decision import Decision, Rejected
from yabot.domain.events import UserInteraction
from yabot.domain.user import User
from yabot.domain.values import Instant

MENUS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "main_menu": ("story", "besitos", "shop", "settings", "help"),
        "besitos": ("daily", "main_menu"),
        "shop": ("buy_premium", "buy_vip", "main_menu"),
        "settings": (
            "language_es",
            "language_en",
            "notifications",
            "my_data",
            "forget",
            "main_menu",
        ),
        "help": ("main_menu",),
    }
)
"""A menu's name and its buttons, in order. A button that names a menu opens it."""


def open_menu(user: User, command: c.OpenMenu, now: Instant) -> Decision | Rejected:
    """Open a menu that exists."""
    if command.menu not in MENUS:
        return Rejected("menu_unknown", "menu_unknown", status=422)
    left = user.document.current_state.menu_context
    event = UserInteraction(action=f"menu:{command.menu}", context={"menu": left})
    return Decision(user.with_state(menu_context=command.menu), events=(event,))
