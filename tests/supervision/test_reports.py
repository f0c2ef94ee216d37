"""Whatever happens is one event of four fields: in the log, the counts, the history, the tree."""

import logging

import anyio
import pytest

from actors import ActorSystem
from actors.testing import wait_until_idle
from supervision import (
    Breaker,
    BreakerPolicy,
    Child,
    Context,
    Report,
    Reports,
    Supervisor,
    run_tree,
)
from tests.supervision.cast import Crash, Stage

pytestmark = pytest.mark.anyio


def four(report: Report) -> tuple[str, str, str, str]:
    return report.supervisor, report.context.value, report.reason, report.offender


async def test_a_report_goes_to_the_log_the_counts_the_history_and_the_tree(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    stage, reports = Stage(), Reports()
    breaker = Breaker("mongo", BreakerPolicy(minimum_calls=1), report=reports.add)
    sub = Supervisor("sub", (Child("a", stage.child("a")),), intensity=1)
    with caplog.at_level(logging.INFO, logger="supervision"):
        async with run_tree(
            system, Supervisor("top", (sub,)), reports=reports, rng=lambda: 0.0
        ) as tree:
            for _ in range(2):
                with pytest.raises(Exception, match="oh"):
                    await tree.ref("sub/a").ask(Crash(ValueError("oh")), timeout=1)
                await anyio.sleep(0.1)
            with pytest.raises(OSError, match="gone"):
                async with breaker:
                    raise OSError("gone")
            seen = tree.snapshot(reports=3).reports
            assert tree.snapshot().reports == ()
            assert tree.snapshot(reports=1000).reports == reports.history()
    expected = [
        ("sub", "child_failed", "ValueError: oh", "sub/a"),
        ("sub", "child_restarted", "started again", "sub/a"),
        ("sub", "child_failed", "ValueError: oh", "sub/a"),
        (
            "sub",
            "escalated",
            "sub gives up: sub/a needed one more than 1 restarts in 60 s",
            "sub/a",
        ),
        (
            "top",
            "child_failed",
            "Escalated: sub gives up: sub/a needed one more than 1 restarts in 60 s",
            "sub",
        ),
        ("sub", "child_restarted", "started again", "sub/a"),
        ("top", "child_restarted", "started again", "sub"),
        (
            "mongo",
            "breaker",
            "closed to open: too many calls failed or were slow (1 failed, 0 slow, of 1), "
            "last OSError: gone",
            "mongo",
        ),
    ]
    assert [four(report) for report in reports.history()] == expected
    assert [four(report) for report in seen] == expected[-3:]
    logged = [record for record in caplog.records if record.name == "supervision"]
    assert [record.getMessage() for record in logged] == [f"supervision.{x[1]}" for x in expected]
    keys = ("supervisor", "context", "reason", "offender")
    assert [tuple(vars(record)[key] for key in keys) for record in logged] == expected
    counted = {context.value: count for context, count in reports.counts().items() if count}
    assert counted == {"child_failed": 3, "child_restarted": 3, "escalated": 1, "breaker": 1}


async def test_a_dead_letter_is_reported_for_whom_it_was_and_tells_no_key(
    system: ActorSystem,
) -> None:
    stage = Stage()
    users = system.virtual("users", stage.user)
    spec = Supervisor(
        "top",
        (Supervisor("sub", (Child("a", stage.child("a")),)), Child("people", users)),
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        for ref in (tree.ref("sub/a"), users.ref(42)):
            ref.tell_nowait(Crash(ValueError("private")))
        await wait_until_idle(system)
        letters = [r for r in tree.reports.history() if r.context is Context.DEAD_LETTER]
        assert sorted(map(four, letters)) == [
            ("sub", "dead_letter", "crashed: Crash", "sub/a"),
            ("top", "dead_letter", "crashed: Crash", "people"),
        ]


async def test_a_dead_letter_of_an_actor_outside_the_tree_is_reported_too(
    system: ActorSystem,
) -> None:
    stage = Stage()
    job = system.spawn(stage.child("job"), name="job/7")
    async with run_tree(system, Supervisor("top", ())) as tree:
        job.tell_nowait(Crash(ValueError("oh")))
        await wait_until_idle(system)
        (report,) = tree.reports.history()
        assert four(report) == ("top", "dead_letter", "crashed: Crash", "job")
    job.tell_nowait(Crash(ValueError("oh")))
    await wait_until_idle(system)
    assert len(tree.reports.history()) == 1
