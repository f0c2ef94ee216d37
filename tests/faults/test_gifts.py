"""Gifts while everything dies: no besito is made or lost, and every gift comes to its end.

The long form is `python -m tests.faults.gifts`, which also tries a failure's seed again.
"""

import random
from pathlib import Path

import pytest

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
