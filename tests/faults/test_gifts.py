"""Gifts while everything dies: no besito is made or lost, and every gift comes to its end.

The long form is `python -m tests.faults.gifts`, which also tries a failure's seed again.
"""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import gift_audit
from tests.faults.gift_lives import PURSE, GiftLives
from tests.faults.gifts import give_in_lives
from tests.faults.givers import give_under_kills
from yabot.users import directory as directory_module

pytestmark = pytest.mark.anyio

GIFTS_IN_LIVES = 1_500
GIFTS_IN_CHAT = 300


async def test_gifts_over_a_file_that_is_reopened_life_after_life_end_and_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_module, "REPEATS", (0.01, 0.01))
    seed = random.SystemRandom().randrange(1_000_000)
    made, broken = await give_in_lives(tmp_path, gifts=GIFTS_IN_LIVES, seed=seed)
    assert (seed, broken) == (seed, [])
    assert made >= GIFTS_IN_LIVES


async def test_gifts_in_the_chat_end_and_add_up_while_the_bot_is_killed(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    made, broken = await give_under_kills(tmp_path, gifts=GIFTS_IN_CHAT, kills=3, seed=seed)
    assert (seed, broken) == (seed, [])
    assert made >= GIFTS_IN_CHAT


async def test_the_look_at_gifts_can_fail(tmp_path: Path) -> None:
    lives = GiftLives(tmp_path / "gifts.db", people=3, seed=1)
    await lives.settle_in()
    assert gift_audit.conserved(lives.file) == gift_audit.ended_badly(lives.file) == []
    with closing(sqlite3.connect(lives.file)) as db, db:
        db.execute(
            "INSERT INTO ledger (user_id, amount, balance, reason, key, at) "
            f"VALUES ('1', 5, {PURSE + 5}, 'gift:a1', 'cmd:1', 1)"
        )
    told = f"{3 * PURSE + 5} besitos in purses and 0 in gifts, of {3 * PURSE} that ever came in"
    assert gift_audit.conserved(lives.file) == [told]
    assert gift_audit.ended_badly(lives.file) == [
        "gift a1: paid 0 times, taken 1 times, sent back 0 times"
    ]
