"""Virtual actors: one per key, there when needed, gone when idle, never two and never a race."""

from functools import partial

import anyio
import pytest

from actors import (
    ActorStopped,
    ActorSystem,
    DeadLetter,
    Mailbox,
    Reason,
    Restart,
    VirtualActors,
)
from actors._wheel import SLOT
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Line, Nap, Player, each

pytestmark = pytest.mark.anyio


async def test_the_first_message_activates_and_equal_keys_share_one_actor(
    system: ActorSystem,
) -> None:
    family = system.virtual("users", each(Player))
    ref = family.ref(7)
    assert len(family) == 0
    assert await ref.ask(Add(1), timeout=1) == 1
    assert await family.ref(7).ask(Add(1), timeout=1) == 2
    assert await family.ref(8).ask(Add(1), timeout=1) == 1
    assert (ref.name, len(family)) == ("users/7", 2)
    assert ref == family.ref(7)
    assert ref != family.ref(8)
    assert len({ref, family.ref(7)}) == 1
    assert ref != system.spawn(Player, name="users/7")


async def test_an_actor_finds_its_own_ref_and_system(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player))
    own = await family.ref(7).ask(Do(lambda actor: (actor.ref, actor.system)), timeout=1)
    assert own == (family.ref(7), system)


async def test_an_idle_actor_is_passivated_and_comes_back_with_its_next_message(
    system: ActorSystem,
) -> None:
    diary: list[str] = []
    family = system.virtual("users", each(lambda: Player(diary)), idle=10)
    await family.ref(7).ask(Add(1), timeout=1)
    await anyio.sleep(9)
    assert len(family) == 1
    await anyio.sleep(3)
    assert len(family) == 0
    assert diary == ["started", "add 1", "stopping"]
    assert await family.ref(7).ask(Add(1), timeout=1) == 1
    seen = family.statistics()
    assert (seen.live, seen.activated, seen.passivated) == (1, 2, 1)


async def test_an_actor_in_use_is_not_passivated(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=10)
    for _ in range(10):
        await family.ref(7).ask(Add(1), timeout=1)
        await anyio.sleep(6)
    assert await family.ref(7).ask(Get(), timeout=1) == 10


async def test_a_long_handler_keeps_its_actor(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=10)
    family.ref(7).tell_nowait(Add(1))
    assert await family.ref(7).ask(Nap(100), timeout=200) == 100
    assert await family.ref(7).ask(Get(), timeout=1) == 1


async def test_an_actor_may_object_to_its_passivation(system: ActorSystem) -> None:
    class Busy(Player):
        def may_passivate(self) -> bool:
            return self.total >= 2

    family = system.virtual("users", each(Busy), idle=10)
    await family.ref(7).ask(Add(1), timeout=1)
    await anyio.sleep(50)
    assert await family.ref(7).ask(Add(1), timeout=1) == 2
    await anyio.sleep(50)
    assert len(family) == 0


async def test_a_pending_restart_keeps_the_actor_and_its_mail(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=5, on_crash=lambda *_: Restart(delay=60))
    family.ref(7).tell_nowait(Fail(ValueError("oh")))
    family.ref(7).tell_nowait(Add(3))
    await anyio.sleep(50)
    assert len(family) == 1
    assert await family.ref(7).ask(Get(), timeout=20) == 3


async def test_mail_that_comes_during_the_goodbye_starts_the_actor_again(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    diary: list[str] = []

    class Slow(Player):
        async def stopping(self) -> None:
            await anyio.sleep(5)
            self.diary.append("stopping")

    family = system.virtual("users", each(lambda: Slow(diary)), idle=10)
    await family.ref(7).ask(Add(1), timeout=1)
    await anyio.sleep(12)
    family.ref(7).tell_nowait(Add(2))
    assert await family.ref(7).ask(Get(), timeout=20) == 2
    assert diary == ["started", "add 1", "stopping", "started", "add 2"]
    assert letters == []


async def test_a_stop_passivates_and_the_next_message_activates(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player))
    ref = family.ref(7)
    await ref.stop()
    ref.stop_nowait()
    await ref.wait_stopped()
    ref.tell_nowait(Nap(2))
    ref.tell_nowait(Add(1))
    await ref.stop(timeout=10)
    assert len(family) == 0
    assert await ref.ask(Get(), timeout=1) == 0
    ref.stop_nowait()
    await ref.wait_stopped()
    assert len(family) == 0


async def test_a_stop_at_its_deadline_cancels_the_handler(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    family = system.virtual("users", each(Player))
    family.ref(7).tell_nowait(Nap(100))
    family.ref(7).tell_nowait(Add(1))
    began = system.now()
    await family.ref(7).stop(timeout=2)
    assert system.now() - began == pytest.approx(2, abs=0.1)
    assert [letter.reason for letter in letters] == [Reason.KILLED, Reason.STOPPED]
    assert await family.ref(7).ask(Add(1), timeout=1) == 1


async def test_a_stop_does_not_wait_for_a_restart(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    family = system.virtual("users", each(Player), on_crash=lambda *_: Restart(delay=60))
    family.ref(7).tell_nowait(Fail(ValueError("oh")))
    family.ref(7).tell_nowait(Add(1))
    await anyio.sleep(1)
    await family.ref(7).stop(timeout=100)
    assert len(family) == 0
    assert [letter.reason for letter in letters] == [Reason.CRASHED, Reason.STOPPED]


async def test_a_family_that_stops_drains_everybody_and_takes_nothing_more(
    system: ActorSystem,
) -> None:
    diary: list[str] = []
    family = system.virtual("users", each(lambda: Player(diary)))
    for key in range(1500):
        family.ref(key).tell_nowait(Add(key))
    await family.stop(timeout=5)
    assert len(family) == 0
    assert sum(line.startswith("add") for line in diary) == 1500
    assert diary.count("stopping") == 1500
    with pytest.raises(ActorStopped, match="users/7 has stopped"):
        family.ref(7).tell_nowait(Add(1))


async def test_a_sweep_reaches_everyone_however_many_there_are(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=100)
    for key in range(2500):
        family.ref(key).tell_nowait(Add(1))
    await wait_until_idle(system)
    assert len(family) == 2500
    await anyio.sleep(102)
    assert len(family) == 0


async def test_the_statistics_show_who_is_behind(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), mailbox=Mailbox(3))
    for key, count in ((1, 1), (2, 4), (3, 2)):
        family.ref(key).tell_nowait(Nap(100))
        await anyio.sleep(0.1)
        for _ in range(count - 1):
            family.ref(key).tell_nowait(Add(1))
    await anyio.sleep(2)
    seen = family.statistics()
    assert (seen.live, seen.full) == (3, 1)
    assert seen.oldest_wait == pytest.approx(2.1, abs=0.1)
    assert [(one.name, one.depth) for one in seen.top] == [
        ("users/2", 3), ("users/3", 1), ("users/1", 0),
    ]  # fmt: skip


async def test_a_family_shares_its_crash_policy(system: ActorSystem) -> None:
    seen: list[Line | None] = []

    def policy(message: Line | None, error: Exception, crashes: int) -> Restart[Line]:
        seen.append(message)
        return Restart(first=Add(crashes))

    family = system.virtual("users", each(Player), on_crash=policy)
    crash = Fail(ValueError("oh"))
    family.ref(7).tell_nowait(crash)
    assert await family.ref(7).ask(Get(), timeout=1) == 1
    assert seen == [crash]


async def test_a_watcher_of_a_virtual_actor_hears_of_its_passivation(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=10)
    watcher = system.spawn(Player, name="watcher")
    await watcher.ask(Do(lambda actor: actor.watch(family.ref(7), Add(1))), timeout=1)
    assert await watcher.ask(Get(), timeout=1) == 1
    family.ref(7).tell_nowait(Add(1))
    await watcher.ask(Do(lambda actor: actor.watch(family.ref(7), Add(10))), timeout=1)
    await anyio.sleep(5)
    assert await watcher.ask(Get(), timeout=1) == 1
    await anyio.sleep(10)
    assert await watcher.ask(Get(), timeout=1) == 11


async def test_an_objection_that_raises_is_an_objection_and_is_seen(system: ActorSystem) -> None:
    seen: list[str] = []
    system.on_crash(lambda crash: seen.append(str(crash.error)))

    class Torn(Player):
        def may_passivate(self) -> bool:
            raise OSError("cannot decide")

    family = system.virtual("users", each(Torn), idle=5)
    family.ref(1).tell_nowait(Add(1))
    await anyio.sleep(7)
    assert await family.ref(1).ask(Get(), timeout=1) == 1
    assert seen == ["cannot decide"]


def next_sweeps(system: ActorSystem, family: VirtualActors[int, Line]) -> list[float]:
    """When the wheel will call a family."""
    slots = system._runtime.wheel._slots
    return [slot * SLOT for slot, entries in slots.items() if family in entries]


async def test_a_family_looks_for_idle_actors_when_one_can_be_idle_and_not_more_often(
    system: ActorSystem,
) -> None:
    family: VirtualActors[int, Line] = system.virtual("users", each(Player), idle=100)
    assert next_sweeps(system, family) == []
    began = system.now()
    for key in range(20):
        await family.ref(key).ask(Add(1), timeout=1)
        await anyio.sleep(1)
    assert next_sweeps(system, family) == [pytest.approx(began + 100, abs=0.1)]
    await anyio.sleep_until(began + 50)
    for key in range(20):
        await family.ref(key).ask(Add(1), timeout=1)
    await anyio.sleep_until(began + 101)
    assert next_sweeps(system, family) == [pytest.approx(began + 150, abs=0.1)]
    await anyio.sleep_until(began + 200)
    assert (len(family), next_sweeps(system, family)) == (0, [])


async def test_a_family_that_was_empty_for_a_while_passivates_again(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=10)
    await family.ref(1).ask(Add(1), timeout=1)
    await family.ref(1).stop()
    await anyio.sleep(15)
    await family.ref(2).ask(Add(1), timeout=1)
    await anyio.sleep(30)
    assert len(family) == 0


async def test_an_actor_that_objects_is_asked_once_in_an_idle_time(system: ActorSystem) -> None:
    asked: list[float] = []

    class Proud(Player):
        def may_passivate(self) -> bool:
            asked.append(self.system.now())
            return False

    family = system.virtual("users", each(Proud), idle=10)
    await family.ref(1).ask(Add(1), timeout=1)
    await anyio.sleep(55)
    assert 4 <= len(asked) <= 5


async def test_a_family_that_stops_cancels_at_its_deadline(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    family = system.virtual("users", each(Player))
    family.ref(1).tell_nowait(Nap(100))
    family.ref(1).tell_nowait(Add(1))
    began = system.now()
    await family.stop(timeout=2)
    assert system.now() - began == pytest.approx(2, abs=0.1)
    assert [letter.reason for letter in letters] == [Reason.KILLED, Reason.STOPPED]


async def test_a_family_that_stops_takes_nothing_while_it_drains(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player))
    family.ref(1).tell_nowait(Nap(10))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(family.stop, timeout=100))
        await anyio.sleep(1)
        for key in (1, 2):
            with pytest.raises(ActorStopped):
                family.ref(key).tell_nowait(Add(1))


async def test_an_actor_is_idle_after_five_minutes_unless_it_is_told_otherwise(
    system: ActorSystem,
) -> None:
    family = system.virtual("users", each(Player))
    await family.ref(1).ask(Add(1), timeout=1)
    await anyio.sleep(299)
    assert len(family) == 1
    await anyio.sleep(1.5)
    assert len(family) == 0


async def test_a_stop_is_over_even_where_new_mail_has_brought_the_actor_back(
    system: ActorSystem,
) -> None:
    class Slow(Player):
        async def stopping(self) -> None:
            await anyio.sleep(2)

    family = system.virtual("users", each(Slow))
    await family.ref(1).ask(Add(1), timeout=1)
    async with anyio.create_task_group() as group:
        group.start_soon(family.ref(1).stop)
        await anyio.sleep(1)
        family.ref(1).tell_nowait(Nap(100))
        began = system.now()
    assert system.now() - began == pytest.approx(1, abs=0.1)
    assert len(family) == 1
