"""SubscriptionService: plans, what they cost, and whether one holds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from yabot.domain.commands import BuySubscription, SetSubscription
from yabot.domain.decision import Rejected
from yabot.domain.subscriptions import is_current
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, Precondition, UserGateway


@dataclass(frozen=True, slots=True)
class Offer:
    """What a plan costs in besitos, and for how many days."""

    price: int
    days: int


OFFERS: dict[Literal["premium", "vip"], Offer] = {
    "premium": Offer(price=20, days=30),
    "vip": Offer(price=50, days=30),
}


class SubscriptionService:
    """Buys, sets and checks plans."""

    def __init__(self, users: UserGateway) -> None:
        self._users = users

    async def buy(self, user_id: UserId, plan: Literal["premium", "vip"]) -> Applied | Rejected:
        """Buy a plan with besitos at today's offer."""
        offer = OFFERS[plan]
        command = BuySubscription(plan=plan, price=offer.price, days=offer.days)
        return await self._users.apply(user_id, command)

    async def set_plan(
        self,
        user_id: UserId,
        plan: SetSubscription,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
    ) -> Applied | Rejected:
        """Set a plan from outside the chat."""
        return await self._users.apply(user_id, plan, once=once, only_if=only_if)

    async def check_subscription_status(self, user_id: UserId, now: datetime) -> bool:
        """Whether the user's plan holds now; False for an unknown user."""
        user = await self._users.get(user_id)
        return user is not None and is_current(user.subscription, now)
