"""Children that come and go while the tree runs, and children of one kind, chosen by key."""

from functools import partial

import anyio
import pytest

from actors import ActorStopped, ActorSystem
from supervision import (
    Backoff,
    Child,
    Context,
    Strategy,
    Supervisor,
    TooManyChildren,
    UnknownChild,
    partitioned,
    run_tree,
)
from tests.supervision.cast import BAD, Ping, Stage

pytestmark = pytest.mark.anyio


def two(stage: Stage, strategy: Strategy = Strategy.ONE_FOR_ONE, **options: int) -> Supervisor:
    return Supervisor(
        "top",
        (
            Supervisor(
                "jobs",
                (Child("a", stage.child("a")), Child("b", stage.child("b"))),
                strategy=strategy,
                backoff=Backoff(base=10.0),
                **options,  # type: ignore[arg-type]
            ),
        ),
    )


async def test_an_added_child_is_started_restarted_and_stopped_like_the_others(
    system: ActorSystem,
) -> None:
    stage = Stage()
    async with run_tree(system, two(stage), rng=lambda: 0.1) as tree:
        await tree.add("jobs", Child("c", stage.child("c")))
        tree.ref("jobs/c").tell_nowait(BAD)
        assert await tree.ref("jobs/c").ask(Ping(), timeout=5) == 2
        await tree.add("", Child("d", stage.child("d")))
        assert [node.name for node in tree.snapshot().children] == ["jobs", "d"]
    assert stage.diary[-4:] == ["d down", "c down", "b down", "a down"]


async def test_an_added_supervisor_brings_its_children(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, two(stage)) as tree:
        await tree.add("jobs", Supervisor("more", (Child("c", stage.child("c")),)))
        assert await tree.ref("jobs/more/c").ask(Ping(), timeout=1) == 1
        await tree.add("jobs/more", Child("d", stage.child("d")))
        await tree.remove("jobs/more")
        assert stage.diary[-2:] == ["d down", "c down"]
        with pytest.raises(UnknownChild, match=r"at 'jobs/more/c'; there are jobs, jobs/a"):
            tree.ref("jobs/more/c")


async def test_an_added_child_stays_across_restarts_of_its_supervisor(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, two(stage, intensity=0), rng=lambda: 0.0) as tree:
        await tree.add("jobs", Child("c", stage.child("c")))
        tree.ref("jobs/a").tell_nowait(BAD)
        await anyio.sleep(1)
        assert await tree.ref("jobs/c").ask(Ping(), timeout=1) == 2


async def test_a_removed_child_is_gone_and_its_name_is_free(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, two(stage), rng=lambda: 0.5) as tree:
        old = tree.ref("jobs/b")
        old.tell_nowait(BAD)
        await anyio.sleep(1)
        await tree.remove("jobs/b")
        with pytest.raises(ActorStopped):
            old.tell_nowait(Ping())
        await tree.add("jobs", Child("b", stage.child("b")))
        assert await tree.ref("jobs/b").ask(Ping(), timeout=1) == 2
        await anyio.sleep(30)
        assert await tree.ref("jobs/b").ask(Ping(), timeout=1) == 2


async def test_a_failed_start_of_an_added_child_is_a_failure_like_any_other(
    system: ActorSystem,
) -> None:
    stage = Stage()
    stage.starts_to_fail = {"c": 1}
    async with run_tree(system, two(stage), rng=lambda: 0.1) as tree:
        await tree.add("jobs", Child("c", stage.child("c")))
        assert await tree.ref("jobs/c").ask(Ping(), timeout=5) == 1
        assert tree.reports.counts()[Context.START_FAILED] == 1


async def test_where_the_order_matters_an_added_child_waits_for_those_before_it(
    system: ActorSystem,
) -> None:
    stage = Stage()
    async with run_tree(system, two(stage, Strategy.REST_FOR_ONE), rng=lambda: 0.5) as tree:
        tree.ref("jobs/a").tell_nowait(BAD)
        await anyio.sleep(1)
        await tree.add("jobs", Child("c", stage.child("c")))
        assert stage.diary[-2:] == ["a failed", "b down"]
        assert await tree.ref("jobs/c").ask(Ping(), timeout=10) == 1
        assert stage.diary[-3:] == ["a up", "b up", "c up"]


async def test_there_is_a_bound_and_names_are_taken_once(system: ActorSystem) -> None:
    stage = Stage()
    async with run_tree(system, two(stage, max_children=3)) as tree:
        with pytest.raises(ValueError, match="jobs has a child named a already"):
            await tree.add("jobs", Child("a", stage.child("a")))
        await tree.add("jobs", Child("c", stage.child("c")))
        with pytest.raises(TooManyChildren, match="jobs has 3 children and takes no more"):
            await tree.add("jobs", Child("d", stage.child("d")))
        for path in ("jobs/a", "nowhere", "nowhere/a"):
            with pytest.raises(UnknownChild):
                await tree.add(path, Child("d", stage.child("d")))
        with pytest.raises(UnknownChild):
            await tree.remove("jobs/d")


async def test_a_key_finds_the_same_child_of_its_kind_across_restarts(system: ActorSystem) -> None:
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            partitioned(
                "writers",
                4,
                lambda number: stage.child(f"writer {number}")(),
                child=partial(Child, shutdown=1.0),
            ),
            Supervisor("empty", ()),
        ),
    )
    async with run_tree(system, spec, rng=lambda: 0.0) as tree:
        refs = [tree.partition("writers", key) for key in range(100)]
        assert set(refs) == {tree.ref(f"writers/{number}") for number in range(4)}
        refs[7].tell_nowait(BAD)
        assert await refs[7].ask(Ping(), timeout=5) == 2
        assert tree.partition("writers", 7) == refs[7]
        with pytest.raises(UnknownChild):
            tree.partition("empty", 7)
    assert sorted(stage.incarnations) == [f"writer {number}" for number in range(4)]
