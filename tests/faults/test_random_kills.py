"""kill -9 twenty times under load: nothing is lost, nothing is done twice.

A failure is tried again by `python -m tests.faults.crash --mode MODE --seed SEED [--no-mongo]`.
"""

import random
from pathlib import Path

import pytest

from tests.faults.crash import crash
from tests.faults.recording import recording
from tests.faults.street import MODES
from tests.faults.town import LEVEL_WITHIN

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", MODES)
async def test_twenty_kills_under_load_break_no_promise(mode: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    outcome = await crash(tmp_path, mode=mode, kills=20, seed=seed, people=30, entry=recording)
    print(outcome.told())
    assert not outcome.broken
    assert outcome.redelivered
    assert outcome.stood_by


async def test_twenty_kills_of_the_bot_and_of_mongodb_break_no_promise(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    outcome = await crash(
        tmp_path, mode="polling", kills=20, seed=seed, entry=recording, mongo=True
    )
    print(outcome.told())
    assert not outcome.broken
    assert outcome.outages == 8
    assert outcome.kills == 20
    assert outcome.levelled < LEVEL_WITHIN
