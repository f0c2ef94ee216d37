"""Windows of calls: what they hold when old calls make room for new ones."""

from supervision import CountWindow


def test_a_window_of_calls_forgets_the_oldest_and_notices_the_first_bad_one_again() -> None:
    memory = CountWindow(3).memory(lambda: 0.0)
    for failed in (True, False, False):
        memory.add(failed, False)
    assert (memory.totals().calls, memory.totals().failed) == (3, 1)
    memory.add(False, False)
    assert (memory.totals().calls, memory.totals().failed) == (3, 0)
    memory.add(False, False)
    assert (memory.totals().calls, memory.totals().failed) == (3, 0)
    memory.add(False, True)
    memory.add(True, False)
    assert (memory.totals().failed, memory.totals().slow) == (1, 1)
