"""The printout of a tree: exact, because operators learn to read it."""

import anyio
import pytest

from actors import ActorSystem
from supervision import (
    Backoff,
    Breaker,
    Child,
    Condition,
    Health,
    Node,
    RestartType,
    Status,
    Strategy,
    Supervisor,
    render,
    run_tree,
)
from tests.supervision.cast import Crash, Leave, Ping, Stage

pytestmark = pytest.mark.anyio


def street(system: ActorSystem, stage: Stage, breaker: Breaker) -> Supervisor:
    users = system.virtual("users", stage.user)
    return Supervisor(
        "yabot",
        (
            Supervisor(
                "stores",
                (
                    Child("sqlite", stage.child("sqlite")),
                    Child(
                        "mongo",
                        stage.child("mongo"),
                        detail=lambda: f"breaker {breaker.state.value}",
                    ),
                ),
                strategy=Strategy.REST_FOR_ONE,
            ),
            Supervisor(
                "events",
                (
                    Child(
                        "redis_bridge",
                        stage.child("redis_bridge"),
                        critical=False,
                        detail=lambda: "breaker open",
                    ),
                    Child("bus", stage.child("bus")),
                ),
                backoff=Backoff(base=4.0),
            ),
            Child("users", users),
        ),
    )


async def test_what_is_well_takes_a_line_and_what_is_not_says_why(system: ActorSystem) -> None:
    spec = street(system, Stage(), Breaker("mongo"))
    async with run_tree(system, spec, rng=lambda: 0.8) as tree:
        assert render(tree.snapshot()) == (
            "yabot    one_for_one   OK\n"
            "  stores rest_for_one  OK        sqlite OK · mongo OK, breaker closed\n"
            "  events one_for_one   OK        redis_bridge OK, breaker open · bus OK\n"
            "  users  virtual       0 live, 0 full, oldest wait 0 ms"
        )
        assert tree.health() is Health.OK
        tree.ref("events/redis_bridge").tell_nowait(Crash(ConnectionError("gone")))
        await anyio.sleep(2)
        assert tree.health() is Health.DEGRADED
        assert render(tree.snapshot()) == (
            "yabot            one_for_one   DEGRADED  since 2.0 s: events\n"
            "  stores         rest_for_one  OK        sqlite OK · mongo OK, breaker closed\n"
            "  events         one_for_one   DEGRADED  since 2.0 s: redis_bridge\n"
            "    redis_bridge RESTARTING    1 of 5 in 60 s, next in 1.2 s, breaker open "
            "(ConnectionError)\n"
            "    bus          OK\n"
            "  users          virtual       0 live, 0 full, oldest wait 0 ms"
        )


async def test_a_branch_that_is_all_the_tree_lists_its_children(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Child("job", stage.child("job"), restart=RestartType.TRANSIENT),
            Child("task", stage.child("task"), restart=RestartType.TEMPORARY),
            Supervisor("empty", ()),
            Supervisor("crowd", (Child("all", system.virtual("all", stage.user)),)),
        ),
    )
    async with run_tree(system, spec) as tree:
        tree.ref("job").tell_nowait(Leave())
        tree.ref("task").tell_nowait(Crash(ValueError("oh")))
        await anyio.sleep(125)
        assert render(tree.snapshot()) == (
            "top     one_for_one   DOWN      since 2 min: task\n"
            "  job   DONE\n"
            "  task  DOWN          (ValueError)\n"
            "  empty one_for_one   OK\n"
            "  crowd one_for_one   OK        all 0 live, 0 full, oldest wait 0 ms"
        )


async def test_a_health_or_detail_that_raises_shows_its_error(system: ActorSystem) -> None:
    stage = Stage()
    told = Condition(Health.DEGRADED, "half full")

    def health() -> Condition:
        if told.health is Health.DOWN:
            raise OSError("no idea")
        return told

    def detail() -> str:
        raise KeyError("missing")

    spec = Supervisor("top", (Child("a", stage.child("a"), health=health, detail=detail),))
    async with run_tree(system, spec) as tree:
        (node,) = tree.snapshot().children
        assert node.health is Health.DEGRADED
        assert node.detail == "no detail: KeyError: 'missing'"
        await anyio.sleep(12)
        assert render(tree.snapshot()) == (
            "top one_for_one   DEGRADED  since 12 s: a\n"
            "  a DEGRADED      since 12 s: half full, no detail: KeyError: 'missing'"
        )
        told = Condition(Health.DOWN)
        await anyio.sleep(1)
        assert tree.health() is Health.DOWN
        await anyio.sleep(30)
        assert render(tree.snapshot()) == (
            "top one_for_one   DOWN      since 30 s: a\n"
            "  a DOWN          since 30 s: cannot tell: OSError: no idea, "
            "no detail: KeyError: 'missing'"
        )
        assert await tree.ref("a").ask(Ping(), timeout=1) == 1


def test_a_node_without_children_has_nobody_at_fault() -> None:
    node = Node(
        name="a", path="a", kind="one_for_one", status=Status.HELD, health=Health.DEGRADED,
        since=3.0, detail="", restarts=0, intensity=5, period=60.0, next_restart=None,
        last_error=None,
    )  # fmt: skip
    assert node.at_fault() == ()
    assert render(node) == "a one_for_one   HELD      since 3.0 s"
