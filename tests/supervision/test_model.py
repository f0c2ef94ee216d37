"""Random failures of a tree of two levels, compared with a model of a page."""

from dataclasses import dataclass, field

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import ActorSystem
from actors.testing import virtual_clock, wait_until_idle
from supervision import Child, Escalated, Strategy, Supervisor, run_tree
from supervision._strategy import affected
from tests.supervision.cast import Crash, Ping, Stage

PERIOD = 10.0
NAMES = "abc"


@dataclass
class Window:
    """Restarts of one supervisor."""

    intensity: int
    times: list[float] = field(default_factory=list)

    def exceeded(self, now: float) -> bool:
        self.times = [time for time in self.times if now - time <= PERIOD] + [now]
        return len(self.times) > self.intensity


class Model:
    """What incarnation each child should be in; `over` once the top has given up."""

    def __init__(self, strategy: Strategy, inner: int, outer: int) -> None:
        self.strategy = strategy
        self.incarnations = [1, 1, 1]
        self.inner = Window(inner)
        self.outer = Window(outer)
        self.over = False

    def crash(self, child: int, now: float) -> None:
        concerned = affected(self.strategy, child, len(NAMES))
        if self.inner.exceeded(now):
            self.inner.times = []
            concerned = range(len(NAMES))
            if self.outer.exceeded(now):
                self.over = True
                return
        for index in concerned:
            self.incarnations[index] += 1


async def follow(
    strategy: Strategy, inner: int, outer: int, failures: list[tuple[float, int]]
) -> None:
    stage, model = Stage(), Model(strategy, inner, outer)
    sub = Supervisor(
        "sub",
        tuple(Child(name, stage.child(name)) for name in NAMES),
        strategy=strategy,
        intensity=inner,
        period=PERIOD,
    )
    async with ActorSystem() as system:
        spec = Supervisor("top", (sub,), intensity=outer, period=PERIOD)
        async with run_tree(system, spec, rng=lambda: 0.0) as tree:
            for pause, child in failures:
                await anyio.sleep(pause)
                model.crash(child, system.now())
                tree.ref(f"sub/{NAMES[child]}").tell_nowait(Crash(ValueError("oh")))
                await anyio.sleep(0.1)
                await wait_until_idle(system)
                if model.over:
                    with pytest.raises(Escalated), anyio.fail_after(1):
                        await tree.escalated()
                    return
                answers = [await tree.ref(f"sub/{name}").ask(Ping(), timeout=1) for name in NAMES]
                assert answers == model.incarnations
        assert stage.diary[-3:] == [f"{name} down" for name in reversed(NAMES)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    strategy=st.sampled_from(list(Strategy)),
    inner=st.integers(0, 3),
    outer=st.integers(0, 2),
    failures=st.lists(
        st.tuples(st.sampled_from([0.0, 1.0, 4.0, 9.5, 30.0]), st.integers(0, 2)), max_size=15
    ),
)
def test_a_tree_does_what_its_model_says(
    backend: str, strategy: Strategy, inner: int, outer: int, failures: list[tuple[float, int]]
) -> None:
    name, options = virtual_clock(backend)
    anyio.run(follow, strategy, inner, outer, failures, backend=name, backend_options=options)
