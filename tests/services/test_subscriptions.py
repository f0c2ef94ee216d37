"""SubscriptionService: a plan is bought with besitos, holds for its days, and is over then."""

from datetime import timedelta

import pytest

from tests.services.living import Living
from yabot.domain.commands import MoveBesitos, SetSubscription
from yabot.domain.decision import Applied, Rejected
from yabot.services.subscriptions import OFFERS, SubscriptionService

pytestmark = pytest.mark.anyio


async def test_a_plan_is_bought_at_its_offer_and_holds_for_its_days(bot: Living) -> None:
    await bot.register("1")
    subscriptions, offer = SubscriptionService(bot.directory), OFFERS["vip"]
    assert isinstance(await subscriptions.buy("1", "vip"), Rejected)
    await bot.directory.apply("1", MoveBesitos(amount=offer.price, reason="raffle"))
    assert isinstance(await subscriptions.buy("1", "vip"), Applied)
    assert (await bot.user("1")).balance == 0
    assert await subscriptions.check_subscription_status("1", bot.clock())
    bot.wait(timedelta(days=offer.days, seconds=1))
    assert not await subscriptions.check_subscription_status("1", bot.clock())


async def test_a_plan_that_is_set_holds_until_its_end_and_nobody_has_none(bot: Living) -> None:
    await bot.register("1")
    subscriptions = SubscriptionService(bot.directory)
    end = bot.clock() + timedelta(hours=1)
    plan = SetSubscription(plan="premium", end_date=end)
    assert isinstance(await subscriptions.set_plan("1", plan), Applied)
    assert await subscriptions.check_subscription_status("1", end - timedelta(seconds=1))
    assert not await subscriptions.check_subscription_status("1", end)
    assert not await subscriptions.check_subscription_status("99", bot.clock())
