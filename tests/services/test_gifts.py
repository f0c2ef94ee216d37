"""Besitos from one user to another, by their actors and what they leave for each other."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tests.services.living import Living
from yabot.domain.commands import DeleteUser, MarkInactive, MoveBesitos
from yabot.domain.decision import Applied, Once, Rejected
from yabot.services.gifts import GIFT_LIMIT, GiftService

pytestmark = pytest.mark.anyio

RICH = MoveBesitos(amount=20, reason="start")


@pytest.fixture
async def gifts(bot: Living) -> GiftService:
    """A giver with 20 besitos, called Ana, and a receiver with none, called @luz."""
    await bot.register("1", first_name="Ana", username="ana")
    await bot.directory.apply("1", RICH)
    await bot.register("2", username="Luz")
    return GiftService(bot.directory, bot.stores.users)


async def balances(bot: Living) -> tuple[int, int]:
    return (await bot.user("1")).balance, (await bot.user("2")).balance


async def give_and_lose(bot: Living, gifts: GiftService) -> None:
    """User 1 gives 5 to user 2, and what waits for user 2 goes as it does with a deletion."""
    bot.full.add("2")
    await gifts.give(await bot.user("1"), "2", 5)
    bot.stores.commands.forget("2")
    bot.full.clear()
    await bot.at_rest()


async def test_a_gift_arrives_and_both_are_told(bot: Living, gifts: GiftService) -> None:
    to = await gifts.find("@luz")
    assert to == "2"
    sent = await gifts.give(await bot.user("1"), to, 5)
    assert isinstance(sent, Applied)
    assert (sent.user.balance, sent.user.held) == (15, 5)
    await bot.at_rest()
    assert await balances(bot) == (15, 5)
    assert (await bot.user("1")).held == 0
    assert "Ana te regala 5" in bot.calls("2")[0].decode()
    assert "ha llegado" in bot.calls("1")[0].decode()
    assert bot.events("2")[-1] == "besitos_added"


async def test_a_gift_to_nobody_comes_back(bot: Living, gifts: GiftService) -> None:
    await gifts.give(await bot.user("1"), "99", 5)
    await bot.at_rest()
    assert await balances(bot) == (20, 0)
    assert "no conozco" in bot.calls("1")[0].decode()


async def test_a_gift_to_who_left_comes_back(bot: Living, gifts: GiftService) -> None:
    await bot.directory.apply("2", MarkInactive(reason="blocked"))
    await gifts.give(await bot.user("1"), "2", 5)
    await bot.at_rest()
    assert await balances(bot) == (20, 0)


async def test_a_gift_that_went_with_a_deletion_comes_back_when_its_time_is_up(
    bot: Living, gifts: GiftService
) -> None:
    await give_and_lose(bot, gifts)
    bot.wait(GIFT_LIMIT - timedelta(seconds=1))
    await bot.at_rest()
    assert (await bot.user("1")).held == 5
    bot.wait(timedelta(seconds=1))
    await bot.at_rest()
    assert await balances(bot) == (20, 0)


async def test_a_receiver_who_is_deleted_with_a_gift_on_its_way_gets_nothing(
    bot: Living, gifts: GiftService
) -> None:
    await bot.directory.apply("2", DeleteUser())
    await gifts.give(await bot.user("1"), "2", 5)
    await bot.at_rest()
    assert (await bot.user("1")).balance == 20
    assert await bot.directory.get("2") is None


async def test_a_gift_under_a_key_is_given_once(bot: Living, gifts: GiftService) -> None:
    giver, once = await bot.user("1"), Once("api:shop:gift:1", "print")
    first = await gifts.give(giver, "2", 5, once=once)
    again = await gifts.give(giver, "2", 5, once=once)
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert again.replayed
    await bot.at_rest()
    assert await balances(bot) == (15, 5)


async def test_a_limit_of_ones_own_calls_a_gift_back_sooner(
    bot: Living, gifts: GiftService
) -> None:
    quick = GiftService(bot.directory, bot.stores.users, limit=timedelta(seconds=30))
    await give_and_lose(bot, quick)
    bot.wait(timedelta(seconds=30))
    await bot.at_rest()
    assert await balances(bot) == (20, 0)


async def test_the_name_of_nobody_and_an_amount_that_is_none_are_refused(
    bot: Living, gifts: GiftService
) -> None:
    assert await gifts.find("@nobody") is None
    for to, amount in (("2", 0), ("2", 1_000_001), ("chat:7", 5)):
        with pytest.raises(ValidationError):
            await gifts.give(await bot.user("1"), to, amount)
    poor = await gifts.give(await bot.user("2"), "1", 1)
    assert isinstance(poor, Rejected)
    assert poor.code == "besitos_insufficient"
