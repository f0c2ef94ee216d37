"""Many actors, random stops, crashes and cancellations; afterwards no task and no memory is left.

This is the short form of `python -m tests.actors.soak`."""

import pytest

from tests.actors.soak import soak


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_is_left_after_a_storm(backend: str, seed: int, quiet_log: None) -> None:
    after = soak(backend, seed, messages=1500)
    assert after.tasks == 0
    assert not after.grows(), after.rests
    assert after.crashes > 20
    assert {"answered", "told", "cancelled"} <= set(after.outcomes)
    assert {"ActorCrashed", "ActorStopped", "MailboxFull"} & set(after.outcomes)
    assert after.rests[-1].received >= 1500
