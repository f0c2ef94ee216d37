"""How long an actor has its turn, and how long the actors together have the loop.

The clock here is the handlers' own: a message takes as long as it says, and looking costs nothing.
"""

from dataclasses import replace
from functools import partial

import anyio
import pytest
from anyio.lowlevel import checkpoint

from actors import ActorRef, ActorSystem, AskTimeout, Mailbox, Restart, _workers
from actors._workers import BUDGET, GLANCE, SLICE
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Get, Line, Nap, Player

pytestmark = pytest.mark.anyio


class Clock:
    """Stands still but for what a handler spends; counts who looks."""

    def __init__(self) -> None:
        self.now = 100.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def spend(self, seconds: float) -> Do:
        """A message that takes so long."""
        return Do(partial(self._pass, seconds))

    def _pass(self, seconds: float, _actor: Player) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_workers, "perf_counter", clock)
    return clock


@pytest.fixture
def slices(system: ActorSystem, clock: Clock) -> list[float]:
    """How long the actors had the loop each time before they let others have it, in slices."""
    found: list[float] = []
    workers = system._runtime.workers
    backend, last = workers._backend, clock.now

    async def noted() -> None:
        nonlocal last
        found.append(round((clock.now - last) / SLICE, 3))
        last = clock.now
        await backend.checkpoint()

    workers._backend = replace(backend, checkpoint=noted)
    return found


async def started(system: ActorSystem, name: str) -> ActorRef[Line]:
    ref = system.spawn(Player, name=name, mailbox=Mailbox(2000))
    await wait_until_idle(system)
    return ref


async def test_where_others_wait_a_turn_ends_after_the_budget(
    system: ActorSystem, clock: Clock
) -> None:
    order: list[str] = []
    greedy, modest = await started(system, "greedy"), await started(system, "modest")
    for _ in range(3 * BUDGET):
        greedy.tell_nowait(Do(lambda _: order.append("greedy")))
    for _ in range(2):
        modest.tell_nowait(Do(lambda _: order.append("modest")))
    await wait_until_idle(system)
    assert order == ["greedy"] * BUDGET + ["modest"] * 2 + ["greedy"] * 2 * BUDGET


async def test_where_nobody_waits_a_turn_goes_on_and_is_counted(
    system: ActorSystem, clock: Clock
) -> None:
    ref = await started(system, "alone")
    before = system.snapshot().handled
    for _ in range(3 * BUDGET + 5):
        ref.tell_nowait(Add())
    await wait_until_idle(system)
    assert system.snapshot().handled - before == 3 * BUDGET + 5
    assert await ref.ask(Get(), timeout=1) == 3 * BUDGET + 5


async def test_an_ask_that_came_too_late_is_not_counted_as_handled(
    system: ActorSystem, clock: Clock
) -> None:
    ref = await started(system, "late")
    before = system.snapshot().handled
    ref.tell_nowait(Nap(2))
    for _ in range(3):
        with pytest.raises(AskTimeout):
            await ref.ask(Add(), timeout=0.1)
    assert await ref.ask(Get(), timeout=5) == 0
    await wait_until_idle(system)
    assert system.snapshot().handled - before == 2


async def test_the_loop_has_its_turn_when_a_slice_is_nearly_over(
    system: ActorSystem, clock: Clock, slices: list[float]
) -> None:
    ref = await started(system, "steady")
    for _ in range(6):
        ref.tell_nowait(clock.spend(0.49 * SLICE))
    await wait_until_idle(system)
    assert slices == [0.98] * 2


async def test_short_messages_share_a_look_at_the_clock(system: ActorSystem, clock: Clock) -> None:
    ref = await started(system, "quick")
    clock.looks = 0
    for _ in range(1000):
        ref.tell_nowait(clock.spend(GLANCE / 100))
    await wait_until_idle(system)
    assert clock.looks < 30


async def test_messages_that_get_longer_are_timed_more_often(
    system: ActorSystem, clock: Clock, slices: list[float]
) -> None:
    ref = await started(system, "changing")
    ref.tell_nowait(clock.spend(0))
    for _ in range(10):
        ref.tell_nowait(clock.spend(SLICE))
    await wait_until_idle(system)
    # Two after the short one, for it promised that many; then they are known to be long.
    assert slices == [2] + [1] * 7


async def test_a_long_row_of_short_messages_costs_one_late_turn(
    system: ActorSystem, clock: Clock, slices: list[float]
) -> None:
    ref = await started(system, "deceiving")
    for seconds in [0] * 500 + [SLICE / 10] * 500:
        ref.tell_nowait(clock.spend(seconds))
    await wait_until_idle(system)
    late = [length for length in slices if length > 1.2]
    assert len(late) <= 3
    assert max(slices) <= BUDGET / 10


async def test_one_busy_actor_needs_one_worker(system: ActorSystem, clock: Clock) -> None:
    ref = await started(system, "only")
    workers = system.snapshot().workers
    for _ in range(5):
        ref.tell_nowait(clock.spend(SLICE))
    while ref.statistics().depth:
        await checkpoint()
        if ref.statistics().depth == 3:
            ref.tell_nowait(clock.spend(0))
    await wait_until_idle(system)
    assert system.snapshot().workers == workers


async def test_who_lets_the_loop_turn_keeps_the_lead(system: ActorSystem, clock: Clock) -> None:
    refs = [await started(system, str(number)) for number in range(20)]
    for _ in range(3):
        for ref in refs:
            ref.tell_nowait(clock.spend(SLICE))
    await wait_until_idle(system)
    assert system.snapshot().workers <= 2


async def test_many_actors_together_have_no_more_than_a_slice(
    system: ActorSystem, clock: Clock, slices: list[float]
) -> None:
    refs = [await started(system, str(number)) for number in range(20)]
    for ref in refs:
        ref.tell_nowait(Nap(1))
        for _ in range(5):
            ref.tell_nowait(clock.spend(0.6 * SLICE))
    await wait_until_idle(system)
    assert max(slices) == 1.2
    assert sum(slices) == pytest.approx(60, abs=1.2)


async def test_a_crash_at_the_end_of_a_slice_leaves_the_rest_for_later(
    system: ActorSystem, clock: Clock
) -> None:
    diary: list[str] = []
    ref = system.spawn(lambda: Player(diary), name="crashing", on_crash=lambda *_: Restart(delay=1))
    await ref.wait_started()

    def crash(_actor: Player) -> None:
        clock.now += 2 * SLICE
        raise ValueError("at the end")

    ref.tell_nowait(Do(crash))
    ref.tell_nowait(Add(7))
    await anyio.sleep(0.5)
    assert diary[-1] == "restarting after ValueError"
    assert ref.statistics().depth == 1
    await anyio.sleep(1)
    assert diary[-1] == "add 7"


async def test_a_suspended_actor_is_killed_while_another_lets_the_loop_turn(
    system: ActorSystem, clock: Clock
) -> None:
    sleeping, busy = await started(system, "sleeping"), await started(system, "busy")
    sleeping.tell_nowait(Nap(1000))
    await checkpoint()
    for _ in range(50):
        busy.tell_nowait(clock.spend(SLICE))
    while busy.statistics().depth > 40:
        await checkpoint()
    sleeping._cell.kill()
    while busy.statistics().depth > 20:
        await checkpoint()
    assert sleeping.statistics().state == "ended"


async def test_an_idle_actor_owns_no_queue(system: ActorSystem) -> None:
    ref = await started(system, "idle")
    ref.tell_nowait(Add())
    await wait_until_idle(system)
    assert ref._cell.mail is None
