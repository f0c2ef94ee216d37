"""Trees: started in order, stopped in reverse, restarted by strategy, given up in time."""

import anyio
import pytest

from actors import ActorStopped, ActorSystem, Mailbox
from actors.testing import wait_until_idle
from supervision import (
    Child,
    Context,
    Escalated,
    Health,
    Report,
    Reports,
    RestartType,
    Status,
    Strategy,
    Supervisor,
    UnknownChild,
    run_tree,
)
from tests.supervision.cast import BAD, Leave, Order, Part, Ping, Rest, Stage, family

pytestmark = pytest.mark.anyio


async def test_children_start_in_order_and_stop_in_reverse(system: ActorSystem) -> None:
    stage = Stage()
    stage.start_times = {"a": 3.0, "b": 1.0}
    spec = Supervisor(
        "top",
        (
            Supervisor("left", (Child("a", stage.child("a")), Child("b", stage.child("b")))),
            Child("c", stage.child("c")),
        ),
    )
    async with run_tree(system, spec):
        assert stage.diary == ["a up", "b up", "c up"]
    assert stage.diary[3:] == ["c down", "b down", "a down"]


async def test_a_stop_lets_a_child_finish_its_mail_within_its_time(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Child("patient", stage.child("patient"), shutdown=10),
            Child("hasty", stage.child("hasty"), shutdown=1),
        ),
    )
    async with run_tree(system, spec) as tree:
        for name in ("patient", "hasty"):
            tree.ref(name).tell_nowait(Rest(5))
        began = system.now()
    assert system.now() - began == pytest.approx(5, abs=0.1)
    assert stage.diary[2:] == ["hasty down", "patient rested", "patient down"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.ONE_FOR_ONE, ["b failed", "b up"]),
        (
            Strategy.ONE_FOR_ALL,
            ["b failed", "c down", "a down", "a up", "b up", "c up"],
        ),
        (Strategy.REST_FOR_ONE, ["b failed", "c down", "b up", "c up"]),
    ],
)
async def test_a_strategy_restarts_whom_it_names_in_order(
    system: ActorSystem, strategy: Strategy, expected: list[str]
) -> None:
    stage = Stage()
    async with run_tree(system, family(stage, strategy), rng=lambda: 0.5) as tree:
        del stage.diary[:]
        tree.ref("b").tell_nowait(BAD)
        await anyio.sleep(5)
        assert stage.diary == expected


async def test_refs_and_mail_survive_a_restart(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, family(stage, Strategy.ONE_FOR_ALL), rng=lambda: 0.9) as tree:
        refs = [tree.ref(name) for name in "abc"]
        refs[0].tell_nowait(BAD)
        answers = [await ref.ask(Ping(), timeout=5) for ref in refs]
        assert answers == [2, 1 + 1, 2]
        assert refs == [tree.ref(name) for name in "abc"]


async def test_a_child_that_waits_for_its_restart_keeps_nobody_else_waiting(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = family(stage, Strategy.ONE_FOR_ONE, base=20.0)
    delays = iter([0.99, 0.01])
    async with run_tree(system, spec, rng=lambda: next(delays)) as tree:
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(1)
        tree.ref("b").tell_nowait(BAD)
        assert await tree.ref("b").ask(Ping(), timeout=1) == 2
        node = tree.snapshot().children[0]
        assert node.status is Status.RESTARTING
        assert node.next_restart == pytest.approx(18.6, abs=0.3)


async def test_delays_grow_with_each_failure_and_begin_anew_after_a_stable_time(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = family(stage, Strategy.ONE_FOR_ONE, base=1.0, reset=50.0, intensity=100)
    async with run_tree(system, spec, rng=lambda: 0.999) as tree:
        delays = []
        for pause in (0, 0, 0, 60, 0):
            await anyio.sleep(pause)
            tree.ref("a").tell_nowait(BAD)
            began = system.now()
            await tree.ref("a").ask(Ping(), timeout=60)
            delays.append(round(system.now() - began))
        assert delays == [1, 2, 4, 1, 2]


async def test_one_restart_too_many_within_the_period_escalates(system: ActorSystem) -> None:
    stage = Stage()
    spec = family(stage, Strategy.ONE_FOR_ONE, intensity=2, period=10.0)
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        for _ in range(2):
            tree.ref("a").tell_nowait(BAD)
            await anyio.sleep(8)
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(1)
        tree.ref("a").tell_nowait(BAD)
        with pytest.raises(Escalated, match="top gives up: a needed one more than 2 restarts"):
            with anyio.fail_after(5):
                await tree.escalated()
        assert tree.health() is Health.DOWN


async def test_a_parent_restarts_a_supervisor_that_gave_up_with_all_its_children(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Supervisor(
                "sub",
                (Child("a", stage.child("a")), Child("b", stage.child("b"))),
                intensity=1,
            ),
            Child("c", stage.child("c")),
        ),
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        del stage.diary[:]
        a = tree.ref("sub/a")
        for _ in range(2):
            a.tell_nowait(BAD)
        a.tell_nowait(Ping())
        assert await a.ask(Ping(), timeout=5) == 3
        assert await tree.ref("sub/b").ask(Ping(), timeout=5) == 2
        assert await tree.ref("c").ask(Ping(), timeout=5) == 1
        await wait_until_idle(system)
        assert stage.diary == ["a failed", "a up", "a failed", "b down", "a up", "b up"]
        assert [
            (report.supervisor, report.context, report.offender)
            for report in tree.reports.history()
            if report.context is not Context.DEAD_LETTER
        ] == [
            ("sub", Context.CHILD_FAILED, "sub/a"),
            ("sub", Context.CHILD_FAILED, "sub/a"),
            ("sub", Context.ESCALATED, "sub/a"),
            ("top", Context.CHILD_FAILED, "sub"),
            ("sub", Context.CHILD_RESTARTED, "sub/a"),
            ("sub", Context.CHILD_RESTARTED, "sub/b"),
            ("top", Context.CHILD_RESTARTED, "sub"),
        ]


async def test_a_permanent_child_that_stops_is_started_again(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, family(stage, Strategy.ONE_FOR_ONE), rng=lambda: 0.5) as tree:
        ref = tree.ref("a")
        ref.tell_nowait(Leave())
        await anyio.sleep(0.1)
        assert tree.snapshot().children[0].last_error == "it stopped"
        assert await ref.ask(Ping(), timeout=5) == 2
        await ref.stop()
        assert await ref.ask(Ping(), timeout=5) == 3


async def test_a_transient_child_that_stops_is_done_but_one_that_fails_is_not(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = Supervisor("top", (Child("a", stage.child("a"), restart=RestartType.TRANSIENT),))
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        ref = tree.ref("a")
        ref.tell_nowait(BAD)
        assert await ref.ask(Ping(), timeout=5) == 2
        ref.tell_nowait(Leave())
        await ref.wait_stopped()
        await wait_until_idle(system)
        (node,) = tree.snapshot().children
        assert (node.status, node.health) == (Status.DONE, Health.OK)
        with pytest.raises(ActorStopped):
            ref.tell_nowait(Ping())
        await tree.restart("a")
        assert await tree.ref("a").ask(Ping(), timeout=5) == 3


async def test_a_temporary_child_is_never_restarted(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Supervisor(
                "sub",
                (
                    Child("a", stage.child("a"), restart=RestartType.TEMPORARY, critical=False),
                    Child("b", stage.child("b")),
                ),
                intensity=0,
            ),
        ),
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        tree.ref("sub/a").tell_nowait(BAD)
        await tree.ref("sub/a").wait_stopped()
        await wait_until_idle(system)
        (sub,) = tree.snapshot().children
        assert (sub.children[0].status, sub.health) == (Status.DOWN, Health.DEGRADED)
        tree.ref("sub/b").tell_nowait(BAD)
        assert await tree.ref("sub/b").ask(Ping(), timeout=5) == 2
        assert await tree.ref("sub/a").ask(Ping(), timeout=5) == 2


async def test_a_temporary_supervisor_ends_with_its_children(system: ActorSystem) -> None:
    stage = Stage()
    sub = Supervisor("inner", (Child("b", stage.child("b")),), intensity=0)
    spec = Supervisor("top", (Child("sub", sub, restart=RestartType.TEMPORARY),))
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        b = tree.ref("sub/b")
        b.tell_nowait(BAD)
        await b.wait_stopped()
        await wait_until_idle(system)
        assert tree.snapshot().children[0].status is Status.DOWN
        await tree.restart("sub")
        assert await tree.ref("sub/b").ask(Ping(), timeout=5) == 2


async def test_an_operator_restarts_a_child_without_counting_it(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor("top", (family(stage, Strategy.ONE_FOR_ONE, intensity=0),))
    async with run_tree(system, spec) as tree:
        for expected in (2, 3, 4):
            await tree.restart("top/a")
            assert await tree.ref("top/a").ask(Ping(), timeout=1) == expected
        await tree.restart("top")
        assert await tree.ref("top/b").ask(Ping(), timeout=1) == 2
        for path in ("nobody", "top/nobody"):
            with pytest.raises(UnknownChild, match=rf"no child at '{path}'; there are top, top/a"):
                await tree.restart(path)


async def test_a_family_of_virtual_actors_is_shown_and_stopped_in_its_turn(
    system: ActorSystem,
) -> None:
    stage = Stage()
    users = system.virtual("users", stage.user, mailbox=Mailbox(8))
    spec = Supervisor(
        "top",
        (
            Child("a", stage.child("a")),
            Child("users", users, detail=lambda: "of all kinds"),
            Child("b", stage.child("b")),
        ),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        await users.ref(7).ask(Ping(), timeout=1)
        assert tree.snapshot().children[1].detail == (
            "1 live, 0 full, oldest wait 0 ms, of all kinds"
        )
        tree.ref("a").tell_nowait(BAD)
        assert await tree.ref("a").ask(Ping(), timeout=5) == 2
        assert await tree.ref("b").ask(Ping(), timeout=5) == 2
        assert await users.ref(7).ask(Ping(), timeout=1) == 1
        for path in ("users", "users/7"):
            with pytest.raises(UnknownChild):
                tree.ref(path)
        with pytest.raises(UnknownChild):
            await tree.restart("users")
    assert stage.diary[-3:] == ["b down", "user 7 down", "a down"]


async def test_a_notice_that_comes_late_is_ignored(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, family(stage, Strategy.ONE_FOR_ALL), rng=lambda: 0.5) as tree:
        for name in "abc":
            tree.ref(name).tell_nowait(BAD)
        for name in "abc":
            assert await tree.ref(name).ask(Ping(), timeout=10) == 2
        contexts = [report.context for report in tree.reports.history()]
        assert contexts.count(Context.CHILD_FAILED) == 1


async def test_two_children_that_stop_at_once_are_one_restart_each(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, family(stage, Strategy.ONE_FOR_ALL), rng=lambda: 0.5) as tree:
        for name in "ab":
            tree.ref(name).tell_nowait(Leave())
        await anyio.sleep(5)
        for name in "abc":
            assert await tree.ref(name).ask(Ping(), timeout=10) == 2


async def test_failures_while_the_tree_stops_restart_nothing(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Child("a", stage.child("a")),
            Child("slow", stage.child("slow"), shutdown=20),
        ),
        strategy=Strategy.ONE_FOR_ALL,
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        tree.ref("slow").tell_nowait(Rest(10))
        tree.ref("slow").tell_nowait(Rest(1))
        tree.ref("a").tell_nowait(Rest(5))
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(1)
    assert stage.diary.count("a up") == 1
    assert stage.diary.count("slow rested") == 2
    assert system.snapshot().actors == 0


async def test_reports_are_shared_bounded_and_survive_a_bad_observer(system: ActorSystem) -> None:
    stage, reports = Stage(), Reports(capacity=3)
    seen: list[Report] = []

    def broken(_: Report) -> None:
        raise RuntimeError("an observer's own trouble")

    reports.observe(broken)
    reports.observe(seen.append)
    spec = family(stage, Strategy.ONE_FOR_ONE)
    async with run_tree(system, spec, reports=reports, rng=lambda: 0.0) as tree:
        for _ in range(3):
            tree.ref("a").tell_nowait(BAD)
            await tree.ref("a").ask(Ping(), timeout=5)
            await wait_until_idle(system)
        assert len(seen) == 9
        assert reports.history() == tuple(seen[-3:])
        assert [(report.supervisor, report.context, report.offender) for report in seen[:3]] == [
            ("top", Context.DEAD_LETTER, "a"),
            ("top", Context.CHILD_FAILED, "a"),
            ("top", Context.CHILD_RESTARTED, "a"),
        ]
        assert seen[1] == Report("top", Context.CHILD_FAILED, "ValueError: oh", "a", seen[1].at)
        assert reports.counts()[Context.CHILD_FAILED] == 3
        assert reports.counts()[Context.ESCALATED] == 0


async def test_a_failure_that_nobody_is_left_to_hear_of_is_reported(system: ActorSystem) -> None:
    stage = Stage()

    class SlowToFail(Part):
        async def receive(self, message: Order) -> object:
            if isinstance(message, Rest):
                await anyio.sleep(message.seconds)
                raise OSError("too late")
            return await super().receive(message)

    spec = Supervisor(
        "top",
        (Child("a", stage.child("a")), Child("slow", lambda: SlowToFail(stage, "slow"))),
        intensity=0,
    )
    async with run_tree(system, spec) as tree:
        tree.ref("slow").tell_nowait(Rest(3))
        await anyio.sleep(1)
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(5)
        found = [(report.context, report.offender) for report in tree.reports.history()]
        assert (Context.STOPPED, "slow") in found


async def test_a_failure_from_before_a_restart_of_all_is_not_held_against_anyone(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = Supervisor("over", (family(stage, Strategy.ONE_FOR_ONE, intensity=0),))
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        for name in "ab":
            tree.ref(f"top/{name}").tell_nowait(BAD)
        await anyio.sleep(5)
        for name in "abc":
            assert await tree.ref(f"top/{name}").ask(Ping(), timeout=1) == 2
        contexts = [report.context for report in tree.reports.history()]
        assert contexts.count(Context.ESCALATED) == 1


async def test_the_delay_of_an_earlier_failure_does_not_shorten_that_of_a_later_one(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = family(stage, Strategy.ONE_FOR_ONE, base=10.0)
    async with run_tree(system, spec, rng=lambda: 0.999) as tree:
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(1)
        await tree.restart("a")
        tree.ref("a").tell_nowait(BAD)
        began = system.now()
        assert await tree.ref("a").ask(Ping(), timeout=60) == 3
        assert system.now() - began == pytest.approx(20, abs=0.1)
