"""Plans begin when they are paid for, end when they are over, and never before."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import NOON, newcomer
from yabot.domain import commands as c
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, DurableCommand, Notice, Rejected
from yabot.domain.events import BesitosSpent, SubscriptionUpdated, VipAccessGranted
from yabot.domain.subscriptions import is_current, is_vip
from yabot.domain.user import Subscription, User

VIP = c.BuySubscription(plan="vip", price=50, days=30)
PREMIUM = c.BuySubscription(plan="premium", price=20, days=30)
MONTH = timedelta(days=30)


def rich(balance: int = 1000) -> User:
    return newcomer().model_copy(update={"balance": balance})


def yes(user: User, command: c.Command, now: datetime = NOON) -> Decision:
    outcome = decide(user, command, now)
    assert isinstance(outcome, Decision), outcome
    return outcome


def no(user: User, command: c.Command, now: datetime = NOON) -> str:
    outcome = decide(user, command, now)
    assert isinstance(outcome, Rejected)
    return outcome.code


def test_buying_pays_and_opens_and_leaves_a_timer_for_the_end() -> None:
    bought = yes(rich(), VIP)
    end = NOON + MONTH
    assert bought.user.balance == 950
    assert is_vip(bought.user, NOON)
    assert bought.events == (
        BesitosSpent(amount=50, balance=950, reason="plan:vip"),
        SubscriptionUpdated(plan_type="vip", status="active", end_date=end),
    )
    (timer,) = bought.commands
    assert timer == DurableCommand(
        "1", end, c.ExpireSubscription(end_date=end), f"expire:1:{end.isoformat()}"
    )


def test_a_plan_holds_until_its_end_and_not_a_moment_longer() -> None:
    user = yes(rich(), VIP).user
    end = NOON + MONTH
    assert is_vip(user, end - timedelta(microseconds=1))
    assert not is_vip(user, end)


def test_buying_again_keeps_the_days_that_are_left() -> None:
    first = yes(rich(), VIP).user
    again = yes(first, VIP, NOON + timedelta(days=10)).user.subscription
    assert again.start_date == NOON
    assert again.end_date == NOON + 2 * MONTH


def test_buying_after_the_end_begins_anew() -> None:
    first = yes(rich(), VIP).user
    late = NOON + timedelta(days=40)
    again = yes(first, VIP, late).user.subscription
    assert (again.start_date, again.end_date) == (late, late + MONTH)


def test_going_up_from_premium_begins_at_once() -> None:
    user = yes(yes(rich(), PREMIUM).user, VIP).user
    assert is_vip(user, NOON)
    assert user.subscription.end_date == NOON + MONTH


def test_a_vip_can_not_buy_less() -> None:
    assert no(yes(rich(), VIP).user, PREMIUM) == "plan_included"


def test_a_plan_without_end_is_not_sold_again() -> None:
    endless = yes(rich(), c.SetSubscription(plan="vip")).user
    assert no(endless, VIP) == "plan_endless"
    assert no(endless, PREMIUM) == "plan_included"


def test_without_besitos_there_is_no_plan() -> None:
    assert no(rich(49), VIP) == "besitos_insufficient"


@pytest.mark.parametrize(
    "end", [datetime.max.replace(tzinfo=UTC), datetime(9999, 12, 15, tzinfo=UTC)]
)
def test_a_plan_that_ends_at_the_end_of_time_can_not_be_made_longer(end: datetime) -> None:
    user = yes(rich(), c.SetSubscription(plan="vip", end_date=end)).user
    assert no(user, VIP) == "plan_endless"


def test_the_timer_ends_the_plan_and_tells_the_user() -> None:
    user = yes(rich(), VIP).user
    end = NOON + MONTH
    ended = yes(user, c.ExpireSubscription(end_date=end), end)
    assert ended.user.subscription.status == "expired"
    assert ended.events == (SubscriptionUpdated(plan_type="vip", status="expired", end_date=end),)
    assert ended.notices == (Notice("plan_expired", {"plan": "vip"}),)
    again = yes(ended.user, c.ExpireSubscription(end_date=end), end)
    assert again == Decision(ended.user)


@given(
    st.lists(st.timedeltas(timedelta(0), timedelta(days=29)), min_size=1, max_size=8),
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.randoms(use_true_random=False),
)
def test_no_timer_ends_a_plan_that_was_extended(
    pauses: list[timedelta], later: timedelta, order: Random
) -> None:
    user, now = rich(), NOON
    timers: list[DurableCommand] = []
    for pause in pauses:
        now += pause
        bought = yes(user, VIP, now)
        user, timers = bought.user, [*timers, *bought.commands]
    end = user.subscription.end_date
    assert end is not None
    now += later
    order.shuffle(timers)
    for timer in timers:
        now = max(now, timer.due_at)
        user = yes(user, timer.command, now).user
        assert is_vip(user, now) == (now < end)
    assert len({timer.unique_key for timer in timers}) == len(timers)
    assert user.subscription.status == "expired"


def test_a_timer_that_comes_early_does_nothing() -> None:
    user = yes(rich(), VIP).user
    early = c.ExpireSubscription(end_date=NOON + MONTH)
    assert yes(user, early, NOON + MONTH - timedelta(seconds=1)) == Decision(user)


def test_a_plan_that_was_cancelled_is_not_ended_once_more() -> None:
    user = yes(rich(), VIP).user
    end = user.subscription.end_date
    cancel = c.SetSubscription(plan="vip", status="cancelled", end_date=end)
    cancelled = yes(user, cancel)
    assert cancelled.commands == ()
    assert not is_vip(cancelled.user, NOON)
    timer = c.ExpireSubscription(end_date=NOON + MONTH)
    assert yes(cancelled.user, timer, NOON + MONTH) == Decision(cancelled.user)


def test_a_plan_can_not_be_set_to_have_ended() -> None:
    past = c.SetSubscription(plan="vip", end_date=NOON)
    assert no(rich(), past) == "end_date_past"
    ended = c.SetSubscription(plan="vip", status="expired", end_date=NOON)
    assert yes(rich(), ended).user.subscription.status == "expired"


def test_setting_the_same_plan_keeps_its_beginning() -> None:
    later = NOON + timedelta(days=3)
    user = yes(rich(), c.SetSubscription(plan="vip")).user
    assert yes(user, c.SetSubscription(plan="vip"), later).user.subscription.start_date == NOON
    other = yes(user, c.SetSubscription(plan="premium"), later).user.subscription
    assert other.start_date == later


@pytest.mark.parametrize(
    ("plan", "status", "end", "vip"),
    [
        ("vip", "active", None, True),
        ("vip", "active", NOON + MONTH, True),
        ("vip", "active", NOON, False),
        ("vip", "inactive", None, False),
        ("vip", "cancelled", None, False),
        ("vip", "expired", None, False),
        ("premium", "active", None, False),
        ("free", "active", None, False),
    ],
)
def test_only_an_active_vip_plan_that_has_not_ended_opens_vip_content(
    plan: str, status: str, end: datetime | None, vip: bool
) -> None:
    subscription = Subscription.model_validate(
        {"plan_type": plan, "status": status, "start_date": NOON, "end_date": end}
    )
    user = newcomer().model_copy(update={"subscription": subscription})
    assert is_vip(user, NOON) is vip
    if vip:
        assert is_current(subscription, NOON)
        granted = yes(user, c.CheckVip(feature="terrace"))
        assert granted.events == (VipAccessGranted(feature="terrace"),)
    else:
        assert no(user, c.CheckVip(feature="terrace")) == "vip_required"
