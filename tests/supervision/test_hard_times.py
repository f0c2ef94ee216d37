"""What must hold in the worst hour: restarts under load, hanging children, crossing failures."""

from collections import Counter
from dataclasses import dataclass
from typing import cast

import anyio
import pytest

from actors import Actor, ActorCrashed, ActorRef, ActorSystem, Mailbox, MailboxFull, Message
from actors.testing import wait_until_idle
from supervision import (
    Backoff,
    Child,
    Context,
    Escalated,
    RestartType,
    Status,
    Strategy,
    Supervisor,
    retry,
    run_tree,
)
from tests.supervision.cast import BAD, Crash, Order, Part, Ping, Rest, Stage

pytestmark = pytest.mark.anyio
USERS = 1000


async def test_an_ask_that_crashes_its_actor_is_answered_at_once_and_the_queue_is_kept(
    system: ActorSystem,
) -> None:
    stage = Stage()
    spec = Supervisor("top", (Child("a", stage.child("a")),), backoff=Backoff(base=10.0))
    answers: dict[int, object] = {}
    messages: list[Rest | Crash | Ping] = [Rest(1), BAD, Ping(), Ping(), Ping()]

    async def ask(number: int, message: Rest | Crash | Ping) -> None:
        try:
            answer = await tree.ref("a").ask(cast("Message[object]", message), timeout=30)
            answers[number] = answer
        except ActorCrashed:
            answers[number] = f"crashed after {system.now() - began:.1f} s"

    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        began = system.now()
        async with anyio.create_task_group() as group:
            for number, message in enumerate(messages):
                group.start_soon(ask, number, message)
                await anyio.sleep(0.01)
    assert answers == {0: None, 1: "crashed after 1.0 s", 2: 2, 3: 2, 4: 2}


async def test_while_a_child_waits_its_mail_is_kept_within_its_bound(system: ActorSystem) -> None:
    stage = Stage()
    child = Child("a", stage.child("a"), mailbox=Mailbox(3))
    spec = Supervisor("top", (child,), backoff=Backoff(base=10.0))
    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        ref = tree.ref("a")
        ref.tell_nowait(BAD)
        await anyio.sleep(1)
        for _ in range(3):
            ref.tell_nowait(Rest(0.0))
        with pytest.raises(MailboxFull) as got:
            ref.tell_nowait(Rest(0.0))
        assert got.value.retry_after > 0
        await anyio.sleep(9)
        assert stage.diary == ["a up", "a failed", "a up", *["a rested"] * 3]


@dataclass(frozen=True, slots=True)
class Save(Message[str]):
    """A user wants something stored."""


class User(Actor[Save]):
    """Asks the store in its own turn; a patient one again when it is told to come back."""

    answers = (MailboxFull,)

    def __init__(self, stores: list[ActorRef[Order]], patient: bool) -> None:
        self.stores = stores
        self.on = (MailboxFull,) if patient else ()

    async def receive(self, message: Save) -> str:
        answer = await retry(self.ask, on=self.on, attempts=20, within=8)
        return f"saved by {answer}"

    async def ask(self) -> int:
        return await self.stores[0].ask(Ping(), timeout=5)


@pytest.mark.parametrize("patient", [False, True])
async def test_while_a_store_restarts_each_of_a_thousand_users_is_answered_in_time(
    system: ActorSystem, patient: bool
) -> None:
    stage, stores = Stage(), list[ActorRef[Order]]()

    def user(_key: int) -> User:
        return User(stores, patient)

    users = system.virtual("users", user)
    spec = Supervisor(
        "top",
        (
            Child("store", stage.child("store"), mailbox=Mailbox(600)),
            Child("users", users),
        ),
        backoff=Backoff(base=1.0),
    )
    outcomes: Counter[str] = Counter()

    async def save(key: int) -> None:
        try:
            outcomes[await users.ref(key).ask(Save(), timeout=10)] += 1
        except MailboxFull as error:
            outcomes["told to come back" if error.retry_after > 0 else "turned away"] += 1

    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        stores.append(tree.ref("store"))
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for key in range(USERS):
                    group.start_soon(save, key)
                    if key == 100:
                        tree.ref("store").tell_nowait(BAD)
        assert sum(outcomes.values()) == USERS
        assert outcomes["saved by 2"] >= 400
        assert set(outcomes) <= {"saved by 1", "saved by 2", "told to come back"}
        assert ("told to come back" in outcomes) is not patient
        assert tree.reports.counts()[Context.CHILD_RESTARTED] == 1


async def test_where_order_matters_nobody_starts_before_those_it_needs(system: ActorSystem) -> None:
    """b waits for its restart when a, on which it depends, fails and waits for longer."""
    stage = Stage()
    delays = iter([0.2, 0.9])
    spec = Supervisor(
        "top",
        tuple(Child(name, stage.child(name)) for name in "abc"),
        strategy=Strategy.REST_FOR_ONE,
        backoff=Backoff(base=10.0),
    )
    async with run_tree(system, spec, rng=lambda: next(delays)) as tree:
        tree.ref("b").tell_nowait(BAD)
        await anyio.sleep(1)
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(5)
        assert [node.status for node in tree.snapshot().children] == [
            Status.RESTARTING, Status.HELD, Status.HELD,
        ]  # fmt: skip
        await anyio.sleep(10)
        assert stage.diary[3:] == ["b failed", "c down", "a failed", "a up", "b up", "c up"]


async def test_a_child_that_leaves_while_it_starts_was_ready_and_has_left(
    system: ActorSystem,
) -> None:
    class Brief(Part):
        async def started(self) -> None:
            await super().started()
            self.ref.stop_nowait()

    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Child("brief", lambda: Brief(stage, "brief"), restart=RestartType.TRANSIENT),
            Child("a", stage.child("a")),
        ),
    )
    began = system.now()
    async with run_tree(system, spec) as tree:
        await wait_until_idle(system)
        assert tree.snapshot().children[0].status is Status.DONE
        assert system.now() - began < 1
        assert stage.diary == ["brief up", "brief down", "a up"]


async def test_nothing_outlives_a_supervisor_that_hangs(system: ActorSystem) -> None:
    """The supervisor of slow has no time left to put its children to rest: it is done for it."""
    stage = Stage()
    spec = Supervisor(
        "top",
        (
            Child("a", stage.child("a")),
            Child(
                "sub",
                Supervisor(
                    "sub",
                    (
                        Child("b", stage.child("b"), shutdown=2),
                        Child("slow", stage.child("slow"), start_timeout=100),
                    ),
                ),
                shutdown=1,
                start_timeout=10,
            ),
        ),
        strategy=Strategy.ONE_FOR_ALL,
        backoff=Backoff(base=1000.0, cap=1000.0),
    )
    stage.starts_to_hang = {"slow": 5}
    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        assert "b" not in stage.alive
        await anyio.sleep(1)
        assert stage.alive == []
        (report, *_) = tree.reports.history()
        assert report.context is Context.START_FAILED
        assert "sub was not ready after 10 s" in report.reason
        stage.starts_to_hang = {}
        await tree.restart("sub")
        assert await tree.ref("sub/slow").ask(Ping(), timeout=1) == 1
        tree.ref("sub/b").tell_nowait(Rest(1e9))
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(30)
        assert stage.alive == []


async def test_nothing_outlives_a_supervisor_that_is_cut_short(system: ActorSystem) -> None:
    """It is cut short while it starts slow, and then has no time to put b to rest."""
    stage = Stage()
    children = (Child("b", stage.child("b")), Child("slow", stage.child("slow"), start_timeout=100))
    spec = Supervisor(
        "top",
        (Child("a", stage.child("a")), Child("sub", Supervisor("sub", children), shutdown=1)),
        strategy=Strategy.ONE_FOR_ALL,
        backoff=Backoff(base=1000.0, cap=1000.0),
    )
    async with run_tree(system, spec, rng=lambda: 0.9) as tree:
        stage.starts_to_hang = {"slow": 1}
        tree.ref("sub/slow").tell_nowait(BAD)
        await anyio.sleep(1)
        assert stage.alive == ["a", "b"]
        tree.ref("a").tell_nowait(BAD)
        await anyio.sleep(30)
        assert stage.alive == []


async def test_a_storm_of_failures_ends_in_a_clear_end(system: ActorSystem) -> None:
    stage = Stage()
    stage.starts_to_fail = {"a": 10**6}
    inner = Supervisor("inner", (Child("a", stage.child("a")),), intensity=3)
    spec = Supervisor("top", (Supervisor("middle", (inner,), intensity=2),), intensity=1)
    async with run_tree(system, spec, rng=lambda: 0.01) as tree:
        with pytest.raises(Escalated, match="top gives up"), anyio.fail_after(60):
            await tree.escalated()
        assert stage.diary.count("a cannot start") == 4 * 3 * 2
