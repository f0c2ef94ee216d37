"""The route that does what a button of the menus does."""

from typing import Annotated

from pydantic import WithJsonSchema

from yabot.api.route import UNKNOWN_USER, AnyRoute, Asked, Input, Output, Reply, Route, reply
from yabot.api.users import USER
from yabot.domain.decision import Rejected
from yabot.domain.menus import MENUS
from yabot.domain.user import User
from yabot.domain.values import Identifier
from yabot.services.coordinator import CoordinatorService

ActionName = Annotated[
    Identifier, WithJsonSchema({"type": "string", "enum": [*sorted(MENUS), "daily"]})
]
"""The name of a menu, or `daily` for the daily gift."""


class Interaction(Input):
    """What was pressed."""

    action: ActionName


class Interacted(Output):
    """Where the user is after it."""

    user_id: str
    action: str
    menu_context: str
    balance: int


class InteractionRoutes:
    """Interactions over the CoordinatorService."""

    def __init__(self, coordinator: CoordinatorService) -> None:
        self._coordinator = coordinator

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("POST", f"{USER}/interactions", "create_interaction", "Press a button of a menu",
                  Interaction, Interacted, self.interact, idempotency="required",
                  errors=(UNKNOWN_USER, (409, "daily_taken"), (409, "purse_full"),
                          (422, "menu_unknown"))),
        )  # fmt: skip

    async def interact(self, asked: Asked[Interaction]) -> Reply | Rejected:
        """Do what the button stands for."""
        action = asked.input.action

        def view(user: User) -> Interacted:
            return Interacted(
                user_id=user.user_id,
                action=action,
                menu_context=user.document.current_state.menu_context,
                balance=user.balance,
            )

        done = await self._coordinator.process_user_interaction(
            asked.user_id, action, once=asked.once
        )
        return reply(done, view)
