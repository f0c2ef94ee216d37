"""CoordinatorService: the workflows that span more than one concern.

It holds no state: whatever a workflow must remember is part of a user's commit.
"""

from yabot.domain.commands import CheckVip, ClaimDaily, MoveBesitos, OpenMenu
from yabot.domain.decision import Rejected
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, UserGateway, once_under

DAILY_GIFT = 10
"""Besitos of the daily gift."""


class CoordinatorService:
    """Interactions, VIP checks and movements of besitos."""

    def __init__(self, users: UserGateway) -> None:
        self._users = users

    async def process_user_interaction(
        self, user_id: UserId, action: str, *, once: Once | None = None
    ) -> Applied | Rejected:
        """Do what a button of the menus stands for: open a menu, or take the daily gift."""
        if action == "daily":
            return await self._users.apply(user_id, ClaimDaily(amount=DAILY_GIFT), once=once)
        return await self._users.apply(user_id, OpenMenu(menu=action), once=once)

    async def validate_vip_access(
        self, user_id: UserId, feature: str = "vip", *, once: Once | None = None
    ) -> Applied | Rejected:
        """Open a VIP feature to the user, or say why not."""
        return await self._users.apply(user_id, CheckVip(feature=feature), once=once)

    async def process_besitos_transaction(
        self, user_id: UserId, amount: int, key: str | None = None, *, reason: str = "transaction"
    ) -> Applied | Rejected:
        """Add (positive) or spend (negative) besitos, once per key.

        A turn happens once by itself, so inside the user's own one no key is needed.
        """
        once = None if key is None else once_under(key, user_id, amount, reason)
        command = MoveBesitos(amount=amount, reason=reason)
        return await self._users.apply(user_id, command, once=once)
