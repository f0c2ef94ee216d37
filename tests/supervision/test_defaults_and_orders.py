"""What orders leave behind, and what holds where nothing else was said."""

import anyio
import pytest

from actors import ActorSystem
from supervision import (
    Backoff,
    Breaker,
    BreakerPolicy,
    Child,
    Context,
    CountWindow,
    Report,
    Reports,
    Supervisor,
    TimeWindow,
    run_tree,
)
from tests.supervision.cast import Crash, Ping, Stage

pytestmark = pytest.mark.anyio


async def fail() -> None:
    raise OSError("no answer")


async def test_a_reset_forgets_earlier_relapses_too() -> None:
    now = 100.0
    policy = BreakerPolicy(window=CountWindow(10), minimum_calls=2, open_for=5.0)
    breaker = Breaker("store", policy, clock=lambda: now, rng=lambda: 0.5)

    async def trip() -> float:
        for _ in range(policy.minimum_calls):
            with pytest.raises(OSError, match="no answer"):
                await breaker.call(fail)
        return breaker.statistics().retry_after

    assert await trip() == 5.0
    now += 5.0
    with pytest.raises(OSError, match="no answer"):
        await breaker.call(fail)
    assert breaker.statistics().retry_after > 5.0
    breaker.reset()
    assert await trip() == 5.0


@pytest.mark.parametrize("window", [CountWindow(10), TimeWindow(10)])
async def test_a_fresh_breaker_has_seen_nothing(window: CountWindow | TimeWindow) -> None:
    breaker = Breaker("store", BreakerPolicy(window=window), clock=lambda: 0.0)
    seen = breaker.statistics()
    assert (seen.calls, seen.failed, seen.slow, seen.refused, seen.opened) == (0, 0, 0, 0, 0)
    with pytest.raises(OSError, match="no answer"):
        await breaker.call(fail)
    seen = breaker.statistics()
    assert (seen.calls, seen.failed, seen.slow) == (1, 1, 0)


def test_reports_are_kept_up_to_256() -> None:
    reports = Reports()
    for number in range(300):
        reports.add(Report("top", Context.STOPPED, str(number), "a", 0.0))
    assert [report.reason for report in reports.history()] == [str(n) for n in range(44, 300)]


async def test_a_child_that_runs_again_has_no_restart_before_it(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor("top", (Child("a", stage.child("a")),), backoff=Backoff(base=5.0))
    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        tree.ref("a").tell_nowait(Crash(ValueError("oh")))
        await anyio.sleep(1)
        waiting = tree.snapshot().children[0].next_restart
        assert await tree.ref("a").ask(Ping(), timeout=60) == 2
        assert waiting == pytest.approx(3.5, abs=0.1)
        assert tree.snapshot().children[0].next_restart is None
