"""Ends: graceful within a deadline, by force after it, and every ask answered."""

from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from actors import (
    ActorCrashed,
    ActorKilled,
    ActorStopped,
    ActorSystem,
    AskCycle,
    DeadLetter,
    Hold,
    NameTaken,
    Reason,
    Restart,
)
from actors.testing import Probe, wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Line, Nap, Player, each

pytestmark = pytest.mark.anyio


async def test_a_graceful_stop_handles_what_waits_and_then_says_goodbye(
    system: ActorSystem,
) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    player.tell_nowait(Nap(2))
    player.tell_nowait(Add(1))
    await player.stop(timeout=5)
    assert diary == ["started", "nap", "woke", "add 1", "stopping"]


async def test_nothing_is_taken_once_a_stop_has_begun(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(2))
    player.stop_nowait()
    with pytest.raises(ActorStopped):
        player.tell_nowait(Add(1))
    await player.wait_stopped()


async def test_a_stop_right_after_the_spawn_still_handles_the_mail(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    player.tell_nowait(Add(1))
    await player.stop()
    assert diary == ["started", "add 1", "stopping"]


async def test_at_the_deadline_the_handler_is_cancelled_and_the_rest_turned_down(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    player.tell_nowait(Nap(60))
    player.tell_nowait(Add(1))
    began = system.now()
    await player.stop(timeout=3)
    assert system.now() - began == pytest.approx(3, abs=0.1)
    assert diary == ["started", "nap", "stopping"]
    assert letters == [
        DeadLetter(Reason.KILLED, "player", Nap(60)),
        DeadLetter(Reason.STOPPED, "player", Add(1)),
    ]


async def test_the_deadline_of_a_stop_holds_even_if_the_caller_goes_away(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(60))
    with anyio.move_on_after(1):
        await player.stop(timeout=3)
    began = system.now()
    await player.wait_stopped()
    assert system.now() - began == pytest.approx(2, abs=0.1)


async def test_every_ask_is_answered_when_an_actor_is_killed(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    outcomes: list[str] = []

    async def ask(message: Nap) -> None:
        try:
            await player.ask(message, timeout=1000)
        except (ActorKilled, ActorStopped) as error:
            outcomes.append(type(error).__name__)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, Nap(500))
        await anyio.sleep(0.1)
        group.start_soon(ask, Nap(1))
        await anyio.sleep(0.1)
        await player.stop(timeout=1)
    assert sorted(outcomes) == ["ActorKilled", "ActorStopped"]


async def test_a_goodbye_that_takes_too_long_is_cut_short(system: ActorSystem) -> None:
    class Talker(Player):
        async def stopping(self) -> None:
            await anyio.sleep(1000)

    talker = system.spawn(Talker, name="talker")
    talker.tell_nowait(Add(1))
    began = system.now()
    await talker.stop(timeout=2)
    assert system.now() - began == pytest.approx(2, abs=0.1)
    sleeper = system.spawn(Talker, name="sleeper")
    sleeper.tell_nowait(Nap(1000))
    began = system.now()
    await sleeper.stop(timeout=2)
    assert system.now() - began == pytest.approx(3, abs=0.1)


async def test_a_start_that_never_returns_is_cut_short(system: ActorSystem) -> None:
    class Stuck(Player):
        async def started(self) -> None:
            await anyio.sleep_forever()

    stuck = system.spawn(Stuck, name="stuck")
    began = system.now()
    await stuck.stop(timeout=2)
    assert system.now() - began == pytest.approx(2, abs=0.1)
    with pytest.raises(ActorStopped):
        await stuck.wait_started()


async def test_a_handler_that_ends_before_it_notices_the_kill_harms_nobody_else(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player")
    others = [system.spawn(Player, name=f"other {n}") for n in range(5)]

    def kill(actor: Player) -> None:
        for other in others:
            other.tell_nowait(Nap(1))
        actor._cell.kill()

    player.tell_nowait(Do(kill))
    await player.wait_stopped()
    for other in others:
        assert await other.ask(Add(1), timeout=10) == 1
    await wait_until_idle(system)


async def test_a_handler_that_swallows_its_cancellation_ends_all_the_same(
    system: ActorSystem,
) -> None:
    class Stubborn(Player):
        async def receive(self, message: Line) -> object:
            try:
                return await super().receive(message)
            except BaseException:
                return None

    stubborn = system.spawn(Stubborn, name="stubborn")
    stubborn.tell_nowait(Nap(60))
    await stubborn.stop(timeout=1)
    other = system.spawn(Player, name="other")
    assert await other.ask(Nap(1), timeout=5) == 1


async def test_an_actor_ends_itself_without_waiting_for_itself(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.ask(Do(lambda actor: actor.ref.stop_nowait()), timeout=1)
    await player.wait_stopped()

    class Suicidal(Player):
        async def receive(self, _message: Line) -> object:
            await self.ref.stop()
            return None

    suicidal = system.spawn(Suicidal, name="suicidal")
    with pytest.raises(ActorCrashed) as got:
        await suicidal.ask(Get(), timeout=1)
    assert isinstance(got.value.__cause__, AskCycle)


async def test_an_actor_that_waits_for_its_restart_ends_at_once(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player", on_crash=lambda *_: Restart(delay=1000))
    player.tell_nowait(Fail(ValueError("oh")))
    player.tell_nowait(Add(1))
    await anyio.sleep(1)
    began = system.now()
    await player.stop(timeout=60)
    assert system.now() - began < 0.1
    assert [letter.reason for letter in letters] == [Reason.CRASHED, Reason.STOPPED]


async def test_a_message_to_be_repeated_is_turned_down_when_the_actor_ends_first(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(
        Player, name="player", on_crash=lambda *_: Restart(delay=1000, first=Add(7))
    )
    player.tell_nowait(Fail(ValueError("oh")))
    await anyio.sleep(1)
    await player.stop(timeout=60)
    assert letters == [DeadLetter(Reason.STOPPED, "player", Add(7))]


async def test_a_hold_keeps_the_mail_for_the_next_incarnation(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    for message in (Nap(2), Add(1)):
        player.tell_nowait(message)
    await anyio.sleep(1)
    await player.hold()
    assert diary == ["started", "nap", "woke", "stopping"]
    await player.resume()
    assert await player.ask(Get(), timeout=1) == 1


async def test_a_hold_cancels_the_handler_at_its_deadline(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")
    for message in (Nap(60), Add(1)):
        player.tell_nowait(message)
    await anyio.sleep(1)
    began = system.now()
    await player.hold(timeout=2)
    assert system.now() - began == pytest.approx(2, abs=0.1)
    assert [letter.reason for letter in letters] == [Reason.KILLED]
    await player.resume()
    assert await player.ask(Get(), timeout=1) == 1


async def test_a_held_actor_ends_when_told_to(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", held=True)
    await player.stop()
    with pytest.raises(ActorStopped):
        await player.resume()
    await player.hold()


async def test_an_exit_may_be_turned_into_a_hold(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", on_exit=Hold)
    await player.stop()
    player.tell_nowait(Add(1))
    await player.resume()
    assert await player.ask(Get(), timeout=1) == 1


async def test_a_watcher_gets_its_notice_when_the_other_has_ended(system: ActorSystem) -> None:
    probe: Probe[str] = Probe(system)
    player = system.spawn(Player, name="player")
    watcher = system.spawn(Player, name="watcher")
    await watcher.ask(Do(lambda actor: actor.watch(player, Add(5))), timeout=1)
    await anyio.sleep(1)
    assert await watcher.ask(Get(), timeout=1) == 0
    await watcher.ask(Do(lambda actor: actor.watch(player, Add(0))), timeout=1)
    await player.stop()
    assert await watcher.ask(Get(), timeout=1) == 5
    await watcher.ask(Do(lambda actor: actor.watch(player, Add(50))), timeout=1)
    assert await watcher.ask(Get(), timeout=1) == 55
    await watcher.ask(Do(lambda actor: actor.watch(probe.ref, Add(500))), timeout=1)
    await watcher.stop()
    await probe.ref.stop()
    assert system.snapshot().dead_letters == {Reason.STOPPED: 1}


async def test_a_name_is_free_again_after_the_end(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    with pytest.raises(NameTaken, match="an actor named player is alive"):
        system.spawn(Player, name="player")
    with pytest.raises(NameTaken):
        system.virtual("player", each(Player))
    await player.stop()
    again = system.spawn(Player, name="player")
    assert await again.ask(Add(1), timeout=1) == 1


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


async def test_two_stops_with_deadlines_are_one_end(system: ActorSystem) -> None:
    class Shielded(Player):
        async def receive(self, message: Line) -> object:
            with anyio.CancelScope(shield=True):
                await super().receive(message)
            return None

    shielded = system.spawn(Shielded, name="shielded")
    shielded.tell_nowait(Nap(5))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(shielded.stop, timeout=1))
        group.start_soon(partial(shielded.stop, timeout=2))
    assert system.snapshot().actors == 0


async def test_a_kill_of_an_idle_actor_ends_it(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await wait_until_idle(system)
    player._target().kill()
    await player.wait_stopped()


async def test_a_hold_whose_caller_went_away_ends_in_a_hold_all_the_same(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(2))
    await anyio.sleep(0.5)
    with anyio.move_on_after(1):
        await player.hold(timeout=5)
    await anyio.sleep(10)
    assert player.statistics().state == "held"
    await player.resume()
    assert await player.ask(Add(1), timeout=1) == 1


async def test_a_background_task_that_fails_while_it_is_cancelled_is_seen(
    system: ActorSystem,
) -> None:
    seen: list[str] = []
    system.on_crash(lambda crash: seen.append(str(crash.error)))

    class Untidy(Player):
        async def run(self) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                raise OSError("could not close")

    untidy = system.spawn(Untidy, name="untidy")
    await untidy.ask(Add(1), timeout=1)
    await untidy.stop()
    assert seen == ["could not close"]


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


async def test_an_exit_policy_that_raises_is_an_end(system: ActorSystem) -> None:
    def broken() -> Hold:
        raise RuntimeError("no idea")

    player = system.spawn(Player, name="player", on_exit=broken)
    await player.stop()
    with pytest.raises(ActorStopped):
        player.tell_nowait(Add(1))


async def test_a_held_actor_is_waited_for_until_somebody_resumes_it(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", held=True)
    with pytest.raises(TimeoutError), anyio.fail_after(3):
        await player.wait_started()
    async with anyio.create_task_group() as group:
        group.start_soon(player.wait_started)
        await anyio.sleep(1)
        await player.resume()
