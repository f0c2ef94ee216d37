"""Starts that fail, hang or are cancelled: told like any failure, and nothing is left behind."""

import anyio
import pytest

from actors import ActorSystem, NameTaken
from supervision import (
    Backoff,
    Child,
    Context,
    Escalated,
    Health,
    Status,
    Strategy,
    Supervisor,
    run_tree,
)
from tests.supervision.cast import BAD, Ping, Stage, family

pytestmark = pytest.mark.anyio


async def test_a_failed_start_is_a_failure_like_any_other(system: ActorSystem) -> None:
    stage = Stage()
    stage.starts_to_fail = {"b": 2}
    async with run_tree(system, family(stage, Strategy.REST_FOR_ONE), rng=lambda: 0.9) as tree:
        assert stage.diary == ["a up", "b cannot start", "b failed"]
        assert [node.status for node in tree.snapshot().children] == [
            Status.UP, Status.RESTARTING, Status.HELD,
        ]  # fmt: skip
        assert await tree.ref("c").ask(Ping(), timeout=30) == 1
        assert stage.diary == [
            "a up", "b cannot start", "b failed", "b cannot start", "b failed", "b up", "c up",
        ]  # fmt: skip
        contexts = [report.context for report in tree.reports.history()]
        assert contexts.count(Context.START_FAILED) == 2


async def test_where_children_are_independent_a_failed_start_holds_up_nobody(
    system: ActorSystem,
) -> None:
    stage = Stage()
    stage.starts_to_fail = {"a": 1}
    async with run_tree(system, family(stage, Strategy.ONE_FOR_ONE), rng=lambda: 0.9) as tree:
        assert {"b up", "c up"} <= set(stage.diary)
        assert await tree.ref("a").ask(Ping(), timeout=30) == 1


async def test_a_tree_that_cannot_start_at_all_gives_up(system: ActorSystem) -> None:
    stage = Stage()
    stage.starts_to_fail = {"a": 100}

    async def main() -> None:
        spec = family(stage, Strategy.ONE_FOR_ONE, intensity=3)
        async with run_tree(system, spec, rng=lambda: 0.1) as tree:
            await tree.escalated()

    with pytest.raises(Escalated, match="needed one more than 3 restarts"), anyio.fail_after(60):
        await main()
    assert stage.diary.count("a cannot start") == 4
    assert system.snapshot().actors == 0


async def test_a_start_that_takes_too_long_is_a_failure(system: ActorSystem) -> None:
    stage = Stage()
    stage.start_times = {"a": 20.0}
    spec = Supervisor(
        "top", (Child("a", stage.child("a"), start_timeout=5),), backoff=Backoff(base=1)
    )
    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        stage.start_times = {}
        assert await tree.ref("a").ask(Ping(), timeout=60) == 1
        (report, *_) = tree.reports.history()
        assert report.context is Context.START_FAILED
        assert "a was not ready after 5 s" in report.reason


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ONE, Strategy.REST_FOR_ONE])
async def test_a_tree_may_be_stopped_while_a_child_is_starting_again(
    system: ActorSystem, strategy: Strategy
) -> None:
    stage = Stage()
    spec = Supervisor("over", (family(stage, strategy, intensity=0),))
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        stage.start_times = {"b": 10.0}
        tree.ref("top/a").tell_nowait(BAD)
        await anyio.sleep(1)
        assert tree.snapshot().children[0].children[1].status is Status.STARTING
        await tree.stop()
    assert system.snapshot().actors == 0
    assert stage.diary.count("c up") == 1


async def test_a_second_tree_of_the_same_name_is_refused_and_leaves_the_first_alone(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = family(stage, Strategy.ONE_FOR_ONE)
    async with run_tree(system, spec) as tree:
        with pytest.raises(NameTaken):
            await run_tree(system, spec).__aenter__()
        assert await tree.ref("a").ask(Ping(), timeout=1) == 1


async def test_a_tree_whose_start_is_cancelled_leaves_nothing_behind(system: ActorSystem) -> None:
    stage = Stage()
    stage.start_times = {"b": 20.0}
    with anyio.move_on_after(5) as scope:
        async with run_tree(system, family(stage, Strategy.REST_FOR_ONE)):
            pytest.fail("b cannot have started")
    assert scope.cancelled_caught
    assert system.snapshot().actors == 0


async def test_a_top_that_gives_up_while_it_starts_says_so_in_the_same_way(
    system: ActorSystem,
) -> None:
    stage = Stage()
    stage.starts_to_fail = {"a": 1}
    spec = family(stage, Strategy.ONE_FOR_ALL, intensity=0)
    async with run_tree(system, spec) as tree:
        with pytest.raises(Escalated), anyio.fail_after(1):
            await tree.escalated()
        assert tree.health() is Health.DOWN
