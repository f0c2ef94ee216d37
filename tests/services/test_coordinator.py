"""The workflows of the coordinator, which keeps nothing itself: a second one goes on with them."""

import pytest

from tests.services.living import Living
from yabot.content.loader import load_story
from yabot.domain.commands import EnterFragment, Hint, React, SetSubscription
from yabot.domain.decision import Applied, Rejected
from yabot.services.coordinator import DAILY_GIFT, CoordinatorService
from yabot.services.narrative import REACTION_REWARD, NarrativeService

pytestmark = pytest.mark.anyio


async def test_an_interaction_opens_a_menu_or_gives_the_daily_gift(bot: Living) -> None:
    await bot.register("1")
    first, second = CoordinatorService(bot.directory), CoordinatorService(bot.directory)
    opened = await first.process_user_interaction("1", "shop")
    assert isinstance(opened, Applied)
    assert opened.user.document.current_state.menu_context == "shop"
    assert isinstance(await first.process_user_interaction("1", "daily"), Applied)
    again = await second.process_user_interaction("1", "daily")
    assert isinstance(again, Rejected)
    assert (await bot.user("1")).balance == DAILY_GIFT
    assert bot.events("1")[1:] == ["user_interaction", "besitos_added"]


async def test_vip_features_open_for_vips_only_and_that_is_told(bot: Living) -> None:
    await bot.register("1")
    coordinator = CoordinatorService(bot.directory)
    refused = await coordinator.validate_vip_access("1")
    assert isinstance(refused, Rejected)
    assert refused.status == 403
    await bot.directory.apply("1", SetSubscription(plan="vip"))
    assert isinstance(await coordinator.validate_vip_access("1", "terrace"), Applied)
    assert bot.events("1")[-1] == "vip_access_granted"


async def test_a_transaction_happens_once_under_its_key_and_never_below_zero(bot: Living) -> None:
    await bot.register("1")
    await bot.register("2")
    coordinator = CoordinatorService(bot.directory)
    for replayed in (False, True):
        done = await coordinator.process_besitos_transaction("1", 5, "shop:tx:1", reason="gift")
        assert isinstance(done, Applied)
        assert done.replayed == replayed
    assert (await bot.user("1")).balance == 5
    for user_id, amount, reason in (("1", 6, "gift"), ("2", 5, "gift"), ("1", 5, "x")):
        other = await coordinator.process_besitos_transaction(
            user_id, amount, "shop:tx:1", reason=reason
        )
        assert isinstance(other, Rejected)
        assert other.code == "key_reused"
    refused = await coordinator.process_besitos_transaction("1", -6, "shop:tx:2")
    assert isinstance(refused, Rejected)
    assert (await bot.user("1")).balance == 5
    assert (await bot.user("2")).balance == 0


async def test_a_reaction_leads_to_its_hint_step_by_step(bot: Living) -> None:
    user = await bot.register("1")
    narrative = NarrativeService(bot.directory, load_story())
    await bot.directory.apply("1", EnterFragment(fragment="horno"))
    outcome = await narrative.react(user, "horno", "heart", press="77")
    assert not isinstance(outcome, Rejected)
    _, noted = outcome
    assert noted.user.balance == 0
    assert [each.step for each in noted.user.document.reactions] == ["reward"]
    await bot.at_rest()
    reacted = await bot.user("1")
    assert reacted.balance == REACTION_REWARD
    assert len(reacted.progress.unlocked_hints) == 1
    assert bot.events("1")[-3:] == [
        "reaction_detected",
        "besitos_added",
        "narrative_hint_unlocked",
    ]
    assert b'"callback_query_id":"77"' in bot.calls("1")[-1]


async def test_a_hint_that_is_refused_on_the_way_takes_the_reward_back(bot: Living) -> None:
    await bot.register("1")
    await bot.directory.apply("1", SetSubscription(plan="vip"))
    await bot.directory.apply("1", EnterFragment(fragment="horno"))
    bot.full.add("1")
    hint = Hint(id="key", vip_required=True, press="77")
    react = React(content_id="horno", reaction="heart", reward=REACTION_REWARD, hint=hint)
    await bot.directory.apply("1", react)
    await bot.directory.apply("1", SetSubscription(plan="free"))
    bot.full.clear()
    await bot.at_rest()
    user = await bot.user("1")
    assert (user.balance, user.progress.unlocked_hints, user.document.reactions) == (0, (), ())
    assert bot.events("1")[-2:] == ["besitos_added", "besitos_spent"]
    assert "VIP" in bot.calls("1")[-1].decode()
