"""Deciding plans: who is VIP, buying, setting and ending a subscription."""

from datetime import timedelta

from yabot.domain import commands as c
from yabot.domain.besitos import transfer
from yabot.domain.decision import Decision, DurableCommand, Notice, Rejected
from yabot.domain.events import SubscriptionUpdated, VipAccessGranted
from yabot.domain.user import Subscription, User
from yabot.domain.values import Instant


def is_current(subscription: Subscription, now: Instant) -> bool:
    """Whether a plan holds at `now`, whatever its expiry timer has done so far."""
    ends = subscription.end_date
    return subscription.status == "active" and (ends is None or now < ends)


def is_vip(user: User, now: Instant) -> bool:
    """Whether VIP content is open to the user."""
    return user.subscription.plan_type == "vip" and is_current(user.subscription, now)


def buy(user: User, command: c.BuySubscription, now: Instant) -> Decision | Rejected:
    """Pay for a plan; days of the same plan that are left are kept, a VIP can't buy less."""
    if is_vip(user, now) and command.plan != "vip":
        return Rejected("plan_included", "plan_included")
    paid = transfer(user, -command.price, f"plan:{command.plan}")
    if isinstance(paid, Rejected):
        return paid
    held = user.subscription
    extends = held.plan_type == command.plan and is_current(held, now)
    if extends and held.end_date is None:
        return Rejected("plan_endless", "plan_endless")
    begins = held.end_date if extends and held.end_date is not None else now
    try:
        ends = begins + timedelta(days=command.days)
    except OverflowError:
        return Rejected("plan_endless", "plan_endless")
    plan = Subscription(
        plan_type=command.plan,
        start_date=held.start_date if extends else now,
        end_date=ends,
    )
    changed = _with_plan(paid.user, plan)
    return Decision(
        changed.user,
        ledger=paid.ledger,
        events=paid.events + changed.events,
        commands=changed.commands,
    )


def set_plan(user: User, command: c.SetSubscription, now: Instant) -> Decision | Rejected:
    """Set the plan as told."""
    if command.end_date is not None and command.status == "active" and command.end_date <= now:
        return Rejected("end_date_past", "end_date_past", status=422)
    held = user.subscription
    same = held.plan_type == command.plan
    plan = Subscription(
        plan_type=command.plan,
        status=command.status,
        start_date=held.start_date if same else now,
        end_date=command.end_date,
    )
    return _with_plan(user, plan)


def expire(user: User, command: c.ExpireSubscription, now: Instant) -> Decision:
    """End the plan that was to end at that date, and tell the user."""
    held = user.subscription
    if held.status != "active" or held.end_date != command.end_date or now < command.end_date:
        return Decision(user)
    ended = _with_plan(user, held.model_copy(update={"status": "expired"}))
    notice = Notice("plan_expired", {"plan": held.plan_type})
    return Decision(ended.user, events=ended.events, notices=(notice,))


def check_vip(user: User, command: c.CheckVip, now: Instant) -> Decision | Rejected:
    """Open a VIP feature, or say that it needs the plan."""
    if not is_vip(user, now):
        return Rejected("vip_required", "vip_required", status=403)
    return Decision(user, events=(VipAccessGranted(feature=command.feature),))


def _with_plan(user: User, plan: Subscription) -> Decision:
    commands: tuple[DurableCommand, ...] = ()
    if plan.status == "active" and plan.end_date is not None:
        key = f"expire:{user.user_id}:{plan.end_date.isoformat()}"
        expiry = c.ExpireSubscription(end_date=plan.end_date)
        commands = (DurableCommand(user.user_id, plan.end_date, expiry, key),)
    event = SubscriptionUpdated(
        plan_type=plan.plan_type, status=plan.status, end_date=plan.end_date
    )
    return Decision(
        user.model_copy(update={"subscription": plan}), events=(event,), commands=commands
    )
