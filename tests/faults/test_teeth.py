"""The checks of this folder can fail: a bot without one of its protections is found out.

`python -m tests.faults.teeth` is the long form.
"""

from pathlib import Path

import pytest

from tests.faults.teeth import BITES

pytestmark = pytest.mark.anyio


SOME = (
    "updates are not marked",
    "an actor forgets",
    "an actor forgets, versions are not guarded",
)


@pytest.mark.parametrize("name", SOME)
async def test_a_missing_protection_is_noticed_unless_another_one_holds(
    name: str, tmp_path: Path
) -> None:
    bite = BITES[name]
    outcome = await bite.try_it(tmp_path, mode="polling", kills=2)
    print(outcome.told())
    assert bite.noticed(outcome)
