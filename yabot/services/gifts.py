"""GiftService: besitos from one user to another.

The giver's turn pays and leaves the gift; what follows is between the two users' actors, as
`domain/gifts.py` draws it, and whoever must know is told when it has happened.
"""

import secrets
from datetime import timedelta
from typing import Protocol

from yabot.domain.decision import Rejected
from yabot.domain.gift_commands import GiveBesitos
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, UserGateway

GIFT_LIMIT = timedelta(hours=24)
"""How long a gift may take to arrive; then it is called back."""

NAMELESS = "🙂"


class UserNames(Protocol):
    """Knows who is called what."""

    async def find(self, username: str) -> UserId | None:
        """Who bears this Telegram name, in capitals or not; of several, who came last.

        Raises StoreUnavailable.
        """
        ...


class GiftService:
    """Finds who shall get a gift, and sends it."""

    def __init__(
        self, users: UserGateway, names: UserNames, *, limit: timedelta = GIFT_LIMIT
    ) -> None:
        self._users = users
        self._names = names
        self._limit = int(limit.total_seconds())

    async def find(self, username: str) -> UserId | None:
        """Who is called @username, if the bot knows them. Raises StoreUnavailable."""
        return await self._names.find(username.removeprefix("@"))

    async def give(
        self, giver: User, to: UserId, amount: int, *, once: Once | None = None
    ) -> Applied | Rejected:
        """Pay for a gift and send it on its way.

        Raises ValidationError for an amount outside of 1 to 1,000,000 or a `to` that is no person.
        """
        gift = GiveBesitos(
            gift_id=secrets.token_hex(8),
            to=to,
            amount=amount,
            name=giver.profile.first_name or NAMELESS,
            limit=self._limit,
        )
        return await self._users.apply(giver.user_id, gift, once=once)
