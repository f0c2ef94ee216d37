"""What the mark of a server says: a table of every case."""

import pytest

from yabot.stores.mongo.marks import Verdict, following, has_others, judge
from yabot.stores.mongo.ports import Mark

OURS = Mark("ours", 3, 10)
FILLING = Mark("ours", 3, -4)

CASES = [
    (OURS, None, Verdict.RESYNC, False),
    (OURS, Mark("ours", 3, 10), Verdict.LEVEL, False),
    (OURS, Mark("ours", 3, 11), Verdict.LEVEL, False),
    (OURS, Mark("ours", 3, 9), Verdict.RESYNC, False),
    (OURS, Mark("ours", 3, -4), Verdict.RESYNC, False),
    (OURS, Mark("ours", 3, 12), Verdict.OVERTAKEN, True),
    (OURS, Mark("ours", 2, 99), Verdict.RESYNC, True),
    (OURS, Mark("ours", 4, 1), Verdict.OVERTAKEN, True),
    (OURS, Mark("other", 2, 99), Verdict.RESYNC, True),
    (OURS, Mark("other", 3, 1), Verdict.OVERTAKEN, True),
    (OURS, Mark("other", 4, 1), Verdict.OVERTAKEN, True),
    (FILLING, Mark("ours", 3, -4), Verdict.LEVEL, False),
    (FILLING, Mark("ours", 3, -5), Verdict.LEVEL, False),
    (FILLING, Mark("ours", 3, -3), Verdict.RESYNC, False),
    (FILLING, Mark("ours", 3, 10), Verdict.RESYNC, False),
    (FILLING, Mark("other", 3, 1), Verdict.OVERTAKEN, True),
    (FILLING, None, Verdict.RESYNC, False),
]


@pytest.mark.parametrize(("ours", "theirs", "verdict", "others"), CASES)
def test_a_mark_tells_what_is_to_be_done(
    ours: Mark, theirs: Mark | None, verdict: Verdict, others: bool
) -> None:
    assert judge(ours, theirs) is verdict
    assert has_others(ours, theirs, verdict) is others


def test_deliveries_count_up_and_a_resync_counts_down() -> None:
    assert following(Mark("ours", 1, 0)).delivery == 1
    assert following(Mark("ours", 1, -1)).delivery == -2


def test_what_a_death_leaves_of_a_resync_never_looks_level() -> None:
    for known in range(3):
        for step in range(1, 5):
            left = Mark("ours", 1, -step)
            assert judge(Mark("ours", 1, known), left) is Verdict.RESYNC
