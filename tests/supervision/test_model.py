"""Random trees, random trouble: whatever fails, hangs, stops or cannot start, and in whatever
order, a tree ends up as a model of a page says, and nothing outlives its supervisor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import ActorSystem
from actors.testing import virtual_clock
from supervision import (
    Child,
    Escalated,
    Node,
    RestartType,
    Status,
    Strategy,
    Supervisor,
    Tree,
    run_tree,
)
from tests.supervision.cast import Crash, Leave, Ping, Rest, Stage

SETTLE = 40.0
"""Seconds after which all that one piece of trouble leads to is over."""
PERIOD = 100.0
"""Between two and three times that, so that no restart lies on the edge of a window."""
START_TIMEOUT, SHUTDOWN = 2.0, 0.5


@dataclass(eq=False)
class Leaf:
    """An actor in the model."""

    path: str
    restart: RestartType
    above: Branch | None = None
    state: str = "held"
    incarnation: int = 0
    hangs: bool = False


@dataclass(eq=False)
class Branch:
    """A supervisor in the model."""

    path: str
    strategy: Strategy
    intensity: int
    children: list[Leaf | Branch]
    above: Branch | None = None
    state: str = "held"
    times: list[float] = field(default_factory=list)


Part: TypeAlias = Leaf | Branch


@dataclass
class Model:
    """What a tree should do; `bad_starts` is how often the next starts of `bad` go wrong."""

    top: Branch
    now: float = 0.0
    over: bool = False
    bad: Leaf | None = None
    bad_starts: int = 0
    failed: list[Part] = field(default_factory=list)

    def settle(self) -> None:
        while self.failed and not self.over:
            self.handle(self.failed.pop(0))

    def start(self, part: Part) -> None:
        if isinstance(part, Branch):
            part.times, part.state = [], "up"
            for child in part.children:
                child.state = "held"
            self.bring_up(part, part.children)
        elif part is self.bad and self.bad_starts > 0:
            self.bad_starts -= 1
            part.state = "failed"
            self.failed.append(part)
        else:
            part.state, part.hangs = "up", False
            part.incarnation += 1

    def bring_up(self, branch: Branch, parts: list[Part]) -> None:
        for part in parts:
            if part.state == "held":
                self.start(part)
            if branch.strategy is not Strategy.ONE_FOR_ONE and part.state not in ("up", "gone"):
                return

    def rest(self, part: Part) -> None:
        part.state = "gone" if part.state == "gone" else "held"
        for child in part.children if isinstance(part, Branch) else ():
            self.rest(child)

    def handle(self, part: Part) -> None:
        branch = part.above
        if branch is None:
            self.over = True
            return
        if isinstance(part, Leaf) and part.restart is RestartType.TEMPORARY:
            part.state = "gone"
            return
        branch.times = [time for time in branch.times if self.now - time <= PERIOD] + [self.now]
        if len(branch.times) > branch.intensity:
            self.rest(branch)
            branch.state = "failed"
            self.failed.append(branch)
            return
        at = branch.children.index(part)
        first = 0 if branch.strategy is Strategy.ONE_FOR_ALL else at
        last = at + 1 if branch.strategy is Strategy.ONE_FOR_ONE else len(branch.children)
        for other in branch.children[first:last]:
            self.rest(other)
        part.state = "held"
        self.take_turns(branch, part)

    def take_turns(self, branch: Branch, part: Part) -> None:
        ordered = branch.strategy is not Strategy.ONE_FOR_ONE
        self.bring_up(branch, branch.children if ordered else [part])

    def restart(self, part: Part) -> None:
        assert part.above is not None
        self.rest(part)
        part.state = "held"
        self.take_turns(part.above, part)

    def leave(self, leaf: Leaf) -> None:
        if leaf.restart is RestartType.PERMANENT:
            self.failed.append(leaf)
        else:
            leaf.state = "gone"


def parts_of(branch: Branch) -> list[Part]:
    found: list[Part] = []
    for child in branch.children:
        child.above = branch
        found += [child, *(parts_of(child) if isinstance(child, Branch) else ())]
    return found


def specification(part: Part, stage: Stage) -> Child | Supervisor:
    name = part.path.rpartition("/")[2]
    if isinstance(part, Leaf):
        return Child(
            name,
            stage.child(part.path),
            restart=part.restart,
            shutdown=SHUTDOWN,
            start_timeout=START_TIMEOUT,
        )
    return Supervisor(
        name or "top",
        tuple(specification(child, stage) for child in part.children),
        strategy=part.strategy,
        intensity=part.intensity,
        period=PERIOD,
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that happens, `pause` after the last, to the part of that number; the next
    `bad_starts` of it fail, or hang."""

    kind: str
    part: int
    pause: float
    bad_starts: int
    hangs: bool


class Play:
    """One run of a tree beside its model."""

    def __init__(self, top: Branch) -> None:
        self.stage = Stage()
        self.model = Model(top)
        self.parts = parts_of(top)
        self.leaves = [part for part in self.parts if isinstance(part, Leaf)]

    async def run(self, troubles: list[Trouble]) -> None:
        top = specification(self.model.top, self.stage)
        assert isinstance(top, Supervisor)
        async with ActorSystem() as system:
            async with run_tree(system, top, rng=lambda: 0.0) as tree:
                self.model.start(self.model.top)
                for trouble in troubles:
                    await anyio.sleep(trouble.pause)
                    self.model.now = system.now()
                    await self.meet(tree, trouble)
                    await anyio.sleep(SETTLE)
                    self.compare(tree)
                    if self.model.over:
                        with pytest.raises(Escalated), anyio.fail_after(1):
                            await tree.escalated()
                        break
                for leaf in self.leaves:
                    if leaf.state == "up" and not leaf.hangs and not self.model.over:
                        answer = await tree.ref(leaf.path).ask(Ping(), timeout=1)
                        assert answer == leaf.incarnation
            assert system.snapshot().actors == 0
        assert not self.stage.alive

    async def meet(self, tree: Tree, trouble: Trouble) -> None:
        part = self.parts[trouble.part % len(self.parts)]
        self.set_bad(part, trouble)
        if trouble.kind == "order":
            self.model.restart(part)
            await tree.restart(part.path, timeout=SETTLE)
        elif isinstance(part, Leaf) and part.state == "up" and not part.hangs:
            ref = tree.ref(part.path)
            match trouble.kind:
                case "crash":
                    self.model.failed.append(part)
                    ref.tell_nowait(Crash(ValueError("oh")))
                case "leave":
                    self.model.leave(part)
                    ref.tell_nowait(Leave())
                case _:
                    part.hangs = True
                    ref.tell_nowait(Rest(1e9))
        self.model.settle()

    def set_bad(self, part: Part, trouble: Trouble) -> None:
        """Only one part at a time has bad starts: of two, the order would be open. So it would be
        where a supervisor gives up at the first of them, while the one above starts the others."""
        self.stage.starts_to_fail, self.stage.starts_to_hang = {}, {}
        self.model.bad, self.model.bad_starts = None, 0
        if isinstance(part, Leaf) and part.above is not None and part.above.intensity > 0:
            self.model.bad, self.model.bad_starts = part, trouble.bad_starts
            bad = self.stage.starts_to_hang if trouble.hangs else self.stage.starts_to_fail
            bad[part.path] = trouble.bad_starts

    def compare(self, tree: Tree) -> None:
        up = {leaf.path for leaf in self.leaves if leaf.state == "up" and not self.model.over}
        assert set(self.stage.alive) == up
        assert self.stage.incarnations == {
            leaf.path: leaf.incarnation for leaf in self.leaves if leaf.incarnation
        }
        found = {node.path: node.status for node in walk(tree)}
        for part in self.parts:
            known = {"up": {Status.UP}, "gone": {Status.DONE, Status.DOWN}}.get(part.state)
            assert self.model.over or known is None or found[part.path] in known


def walk(tree: Tree) -> list[Node]:
    nodes = [tree.snapshot()]
    for node in nodes:
        nodes += node.children
    return nodes[1:]


def trees(path: str = "", depth: int = 3) -> st.SearchStrategy[Branch]:
    """Supervisors of one to three children, to a depth."""
    prefix = f"{path}/" if path else ""

    def part(number: int) -> st.SearchStrategy[Part]:
        name = f"{prefix}{number}"
        restart = st.sampled_from([RestartType.PERMANENT, *RestartType])
        leaf = st.builds(Leaf, st.just(name), restart)
        return leaf if depth <= 1 else st.one_of(leaf, trees(name, depth - 1))

    children = st.integers(1, 3).flatmap(lambda n: st.tuples(*map(part, range(n))).map(list))
    return st.builds(
        Branch, st.just(path), st.sampled_from(list(Strategy)), st.integers(0, 3), children
    )


TROUBLE = st.builds(
    Trouble,
    kind=st.sampled_from(["crash", "crash", "crash", "leave", "hang", "order"]),
    part=st.integers(0, 30),
    pause=st.sampled_from([0.0, 0.0, SETTLE, 2 * SETTLE]),
    bad_starts=st.sampled_from([0, 0, 0, 1, 2, 5]),
    hangs=st.booleans(),
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(top=trees(), troubles=st.lists(TROUBLE, max_size=12))
def test_a_tree_does_what_its_model_says(
    backend: str, top: Branch, troubles: list[Trouble]
) -> None:
    name, options = virtual_clock(backend)
    anyio.run(Play(top).run, troubles, backend=name, backend_options=options)
