"""Routes of a user's plan, and of what it opens."""

from pydantic import Field

from yabot.api.route import (
    UNKNOWN_USER,
    USER_UNKNOWN,
    AnyRoute,
    Asked,
    Input,
    Nothing,
    Output,
    Reply,
    Route,
    reply,
)
from yabot.api.users import USER
from yabot.domain.commands import SetSubscription
from yabot.domain.decision import Rejected
from yabot.domain.subscriptions import is_current
from yabot.domain.user import Plan, SubscriptionStatus, User
from yabot.domain.values import Identifier, Instant
from yabot.domain.written import Moment
from yabot.services.coordinator import CoordinatorService
from yabot.services.subscriptions import SubscriptionService
from yabot.services.users import UserService
from yabot.users.ports import Clock


class PlanView(Output):
    """A user's plan. `active` tells whether it holds now; `end_date` null means without end."""

    user_id: str
    plan_type: Plan
    status: SubscriptionStatus
    start_date: Instant
    end_date: Instant | None
    active: bool


class PlanChange(Input):
    """The plan to set; without `end_date` it has no end."""

    plan_type: Plan
    status: SubscriptionStatus = "active"
    end_date: Moment | None = None


class AccessAsked(Input):
    """The VIP feature that the user wants to enter."""

    feature: Identifier = Field(default="vip")


class Access(Output):
    """The feature is open. A no is the problem `vip_required`."""

    user_id: str
    feature: str
    access_granted: bool


class SubscriptionRoutes:
    """Plans over the SubscriptionService, VIP access over the CoordinatorService."""

    def __init__(
        self,
        users: UserService,
        subscriptions: SubscriptionService,
        coordinator: CoordinatorService,
        clock: Clock,
    ) -> None:
        self._users = users
        self._subscriptions = subscriptions
        self._coordinator = coordinator
        self._clock = clock

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", f"{USER}/subscription", "get_subscription", "A user's plan",
                  Nothing, PlanView, self.get_plan, errors=(UNKNOWN_USER,)),
            Route("PUT", f"{USER}/subscription", "put_subscription", "Set a user's plan",
                  PlanChange, PlanView, self.put_plan, idempotency="optional",
                  errors=(UNKNOWN_USER, (422, "end_date_past"))),
            Route("POST", f"{USER}/vip-access", "request_vip_access", "Open a VIP feature",
                  AccessAsked, Access, self.open_feature, idempotency="required",
                  errors=(UNKNOWN_USER, (403, "vip_required"))),
        )  # fmt: skip

    async def get_plan(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """The user's plan."""
        user = await self._users.get_user_context(asked.user_id)
        return Reply(self._now(user)) if user is not None else USER_UNKNOWN

    async def put_plan(self, asked: Asked[PlanChange]) -> Reply | Rejected:
        """Set the plan."""
        plan = SetSubscription(
            plan=asked.input.plan_type, status=asked.input.status, end_date=asked.input.end_date
        )
        done = await self._subscriptions.set_plan(
            asked.user_id, plan, once=asked.once, only_if=asked.unchanged(self._now)
        )
        return reply(done, lambda user: _view(user, user.document.updated_at))

    async def open_feature(self, asked: Asked[AccessAsked]) -> Reply | Rejected:
        """Open a VIP feature to the user."""
        feature = asked.input.feature
        done = await self._coordinator.validate_vip_access(asked.user_id, feature, once=asked.once)
        return reply(
            done,
            lambda user: Access(user_id=user.user_id, feature=feature, access_granted=True),
        )

    def _now(self, user: User) -> PlanView:
        return _view(user, self._clock())


def _view(user: User, at: Instant) -> PlanView:
    plan = user.subscription
    return PlanView(
        user_id=user.user_id,
        plan_type=plan.plan_type,
        status=plan.status,
        start_date=plan.start_date,
        end_date=plan.end_date,
        active=is_current(plan, at),
    )
