"""Leaving a system: how it ends what runs in it, in order, by error and by cancellation."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from actors import (
    ActorKilled,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    Hold,
    Reason,
)
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Fail, Line, Nap, Player, each

pytestmark = pytest.mark.anyio


async def test_leaving_the_system_ends_the_last_spawned_first(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    ended: list[str] = []

    class Ending(Player):
        async def stopping(self) -> None:
            ended.append(self.ref.name)

    async with ActorSystem() as system:
        for name in "abc":
            system.spawn(Ending, name=name)
        family = system.virtual("family", each(Ending))
        family.ref(1).tell_nowait(Add(1))
    assert ended == ["family/1", "c", "b", "a"]
    with pytest.raises(RuntimeError, match="does not run"):
        system.spawn(Player, name="late")


async def test_an_error_in_the_block_ends_everything_and_answers_every_ask(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    outcomes: list[BaseException] = []

    async def ask(player: Any, message: Nap) -> None:
        try:
            await player.ask(message, timeout=1000)
        except (ActorKilled, ActorStopped) as error:
            outcomes.append(error)

    async def fail(group: TaskGroup) -> None:
        async with ActorSystem() as system:
            player = system.spawn(Player, name="player")
            family = system.virtual("family", each(Player))
            for ref in (player, family.ref(1)):
                group.start_soon(ask, ref, Nap(500))
                group.start_soon(ask, ref, Nap(500))
            await anyio.sleep(1)
            raise OSError("the block's own trouble")

    async with anyio.create_task_group() as group:
        with pytest.raises(ExceptionGroup) as got:
            await fail(group)
    assert got.group_contains(OSError)
    assert sorted(type(error).__name__ for error in outcomes) == [
        "ActorKilled", "ActorKilled", "ActorStopped", "ActorStopped",
    ]  # fmt: skip


async def test_a_cancellation_from_outside_ends_a_system_at_once(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    diary: list[str] = []
    began = anyio.current_time()
    with anyio.move_on_after(2):
        async with ActorSystem() as system:
            player = system.spawn(lambda: Player(diary), name="player")
            player.tell_nowait(Nap(1000))
            await anyio.sleep_forever()
    assert anyio.current_time() - began == pytest.approx(2, abs=0.1)
    assert diary == ["started", "nap"]


async def test_background_tasks_end_with_a_cancelled_system(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    ended: list[str] = []

    class Loop(Player):
        async def run(self) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                ended.append("run")

    with anyio.move_on_after(1):
        async with ActorSystem() as system:
            system.spawn(Loop, name="loop")
            await anyio.sleep_forever()
    assert ended == ["run"]


async def test_an_actor_that_is_spawned_while_the_system_ends_ends_too(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    diary: list[str] = []

    class Heir(Player):
        async def stopping(self) -> None:
            self.system.spawn(lambda: Player(diary), name="heir").tell_nowait(Add(1))

    async with ActorSystem() as system:
        system.spawn(Heir, name="testator")
    assert diary == ["started", "add 1", "stopping"]


@pytest.mark.parametrize("seconds", [2.0, 100.0])
async def test_leaving_a_system_lets_handlers_finish_until_the_drain_is_over(
    anyio_backend: tuple[str, dict[str, Any]], seconds: float
) -> None:
    diary: list[str] = []
    async with ActorSystem(drain=3) as system:
        for number in range(3):
            system.spawn(lambda: Player(diary), name=str(number)).tell_nowait(Nap(seconds))
        began = system.now()
        await anyio.sleep(0.1)
    assert system.now() - began == pytest.approx(min(seconds, 3.1), abs=0.1)
    assert diary.count("woke") == (3 if seconds < 3 else 0)
    assert diary.count("stopping") == 3


async def test_who_wants_its_actor_back_gets_none_from_a_system_that_ends(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    letters: list[DeadLetter] = []
    async with ActorSystem(drain=1) as system:
        system.on_dead_letter(letters.append)
        player = system.spawn(Player, name="player", on_exit=Hold)
        player.tell_nowait(Nap(100))
        player.tell_nowait(Add(1))
        await anyio.sleep(0.1)
    assert [letter.reason for letter in letters] == [Reason.KILLED, Reason.STOPPED]
    with pytest.raises(ActorStopped):
        player.tell_nowait(Add(1))


async def test_nothing_can_be_sent_into_a_system_that_was_cancelled(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    with anyio.CancelScope() as scope:
        async with ActorSystem() as system:
            spawned = system.spawn(Player, name="player")
            virtual = system.virtual("users", each(Player)).ref(1)
            virtual.tell_nowait(Add(1))
            await wait_until_idle(system)
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    with pytest.raises(ActorStopped):
        spawned.tell_nowait(Add(1))
    cell = virtual._cell
    assert not cell.room


async def test_nobody_is_spawned_outside_a_running_system(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    system = ActorSystem("closed")
    async with system:
        pass
    for attempt in (
        lambda: system.spawn(Player, name="player"),
        lambda: system.virtual("users", each(Player)),
    ):
        with pytest.raises(RuntimeError, match="the system closed does not run"):
            attempt()


async def test_who_waits_for_an_end_from_outside_is_not_forgotten_by_a_cancelled_system(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    ended: list[str] = []

    class Deaf(Player):
        async def receive(self, message: Line) -> object:
            with anyio.CancelScope(shield=True):
                await super().receive(message)
            return None

    async def wait(what: str, end: Callable[[], Awaitable[None]]) -> None:
        await end()
        ended.append(what)

    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            async with ActorSystem() as system:
                spawned = [system.spawn(Deaf, name=name) for name in ("stop", "hold", "wait")]
                virtual = system.virtual("users", each(Deaf)).ref(1)
                for one in (*spawned, virtual):
                    one.tell_nowait(Nap(10))
                await anyio.sleep(1)
                group.start_soon(wait, "stop", partial(spawned[0].stop, timeout=100))
                group.start_soon(wait, "hold", partial(spawned[1].hold, timeout=100))
                group.start_soon(wait, "wait", spawned[2].wait_stopped)
                group.start_soon(wait, "virtual", partial(virtual.stop, timeout=100))
                await anyio.sleep(1)
                scope.cancel()
                await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(100, shield=True):
            await anyio.sleep(50)
        assert sorted(ended) == ["hold", "stop", "virtual", "wait"]
        group.cancel_scope.cancel()


@pytest.mark.parametrize("way", ["cancelled", "broken"])
async def test_who_must_not_be_cancelled_is_told_of_an_end_by_a_system_that_ends(
    anyio_backend: tuple[str, dict[str, Any]], way: str
) -> None:
    class Alarm(BaseException):
        pass

    told: list[str] = []
    with suppress(BaseExceptionGroup), anyio.CancelScope() as scope:
        async with ActorSystem() as system:
            spawned = system.spawn(Player, name="player")
            users = system.virtual("users", each(Player))
            users.ref(1).tell_nowait(Nap(1000))
            await anyio.sleep(1)
            if way == "cancelled":
                scope.cancel()
            else:
                spawned.tell_nowait(Fail(Alarm()))
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.move_on_after(60, shield=True):
                    for ref in (spawned, users.ref(1)):
                        await ref.stop()
                        told.append(ref.name)
                for ref in (spawned, users.ref(2)):
                    with pytest.raises(ActorStopped):
                        ref.tell_nowait(Add(1))
                with pytest.raises(RuntimeError, match="does not run"):
                    system.spawn(Player, name="heir")
    assert told == ["player", "users/1"]
