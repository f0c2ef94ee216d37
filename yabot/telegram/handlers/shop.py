"""The shop in the chat: buying a plan with besitos."""

from typing import Literal
from zoneinfo import ZoneInfo

from aiogram import F, Router
from aiogram.types import CallbackQuery

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.subscriptions import SubscriptionService
from yabot.telegram.handlers.screens import menu_screen, refuse, show

PLANS: dict[str, Literal["premium", "vip"]] = {"buy:premium": "premium", "buy:vip": "vip"}


def router() -> Router:
    """A router for the shop's buttons."""
    router = Router(name="shop")
    router.callback_query.register(buy, F.data.in_(PLANS))
    return router


async def buy(query: CallbackQuery, user: User, subscriptions: SubscriptionService) -> None:
    """Buy the plan that the button names."""
    plan = PLANS[query.data or ""]
    outcome = await subscriptions.buy(user.user_id, plan)
    if isinstance(outcome, Rejected):
        await refuse(query, user, outcome)
        return
    await show(query, menu_screen(outcome.user, "shop"), _bought(outcome.user))


def _bought(user: User) -> str:
    ends = user.subscription.end_date
    zone = ZoneInfo(user.document.preferences.time_zone)
    until = ends.astimezone(zone).date().isoformat() if ends is not None else "∞"
    return say(user.language, "plan_bought", plan=user.subscription.plan_type, until=until)
