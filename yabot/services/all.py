"""All services over one gateway, for whoever wires them."""

from dataclasses import dataclass
from typing import Self

from yabot.domain.story import Story
from yabot.services.coordinator import CoordinatorService
from yabot.services.external import ExternalEvents
from yabot.services.gateway import UserGateway
from yabot.services.gifts import GiftService, UserNames
from yabot.services.narrative import NarrativeService
from yabot.services.subscriptions import SubscriptionService
from yabot.services.users import UserService
from yabot.users.ports import UserExports


@dataclass(frozen=True, slots=True)
class Services:
    """One of each."""

    users: UserService
    narrative: NarrativeService
    subscriptions: SubscriptionService
    coordinator: CoordinatorService
    gifts: GiftService
    external: ExternalEvents

    @classmethod
    def over(
        cls, gateway: UserGateway, story: Story, exports: UserExports, names: UserNames
    ) -> Self:
        """Services that reach users through `gateway`."""
        return cls(
            users=UserService(gateway, exports),
            narrative=NarrativeService(gateway, story),
            subscriptions=SubscriptionService(gateway),
            coordinator=CoordinatorService(gateway),
            gifts=GiftService(gateway, names),
            external=ExternalEvents(gateway),
        )
