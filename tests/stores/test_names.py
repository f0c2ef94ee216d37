"""Finding people by the name that others call them by."""

from datetime import timedelta

import pytest

from tests.stores.running import Clock
from tests.stores.turns import take_turn
from yabot.domain.commands import DeleteUser, RegisterUser
from yabot.stores.database import DatabaseManager

pytestmark = pytest.mark.anyio


async def test_a_name_is_found_in_capitals_or_not(db: DatabaseManager, clock: Clock) -> None:
    await take_turn(db.users, "7", clock(), RegisterUser(telegram_user_id=7, username="Ana_B"))
    await take_turn(db.users, "8", clock(), RegisterUser(telegram_user_id=8))
    assert await db.names.find("ana_b") == "7"
    assert await db.names.find("ANA_B") == "7"
    assert await db.names.find("ana") is None
    assert await db.names.find("") is None


async def test_of_two_who_were_called_the_same_the_one_who_came_last_is_meant(
    db: DatabaseManager, clock: Clock
) -> None:
    for number in (8, 7):
        clock.now += timedelta(days=1)
        register = RegisterUser(telegram_user_id=number, username="ana")
        await take_turn(db.users, str(number), clock(), register)
    assert await db.names.find("ana") == "7"


async def test_who_is_forgotten_is_not_found(db: DatabaseManager, clock: Clock) -> None:
    await take_turn(db.users, "7", clock(), RegisterUser(telegram_user_id=7, username="ana"))
    await take_turn(db.users, "7", clock(), DeleteUser())
    assert await db.names.find("ana") is None
