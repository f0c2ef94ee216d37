"""Ends: graceful within a deadline, by force after it, and every ask answered."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from actors import (
    ActorCrashed,
    ActorKilled,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskCycle,
    DeadLetter,
    Hold,
    Mailbox,
    MailboxFull,
    NameTaken,
    Reason,
    Restart,
    Stop,
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
    player.tell_nowait(Add(1))
    await player.wait_stopped()
    for other in others:
        assert await other.ask(Add(1), timeout=10) == 1
    await wait_until_idle(system)
    assert system.snapshot().handled == 1 + 2 * len(others)
    assert system.snapshot().dead_letters == {Reason.STOPPED: 1}


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

    class Waiting(Player):
        async def receive(self, _message: Line) -> object:
            await self.ref.stop()
            return None

    waiting = system.spawn(Waiting, name="waiting")
    with pytest.raises(ActorCrashed) as got:
        await waiting.ask(Get(), timeout=1)
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
    player._cell.kill()
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


async def test_a_second_deadline_does_not_cut_the_last_words_short(system: ActorSystem) -> None:
    diary: list[str] = []

    class Talker(Player):
        async def stopping(self) -> None:
            await anyio.sleep(0.8)
            await super().stopping()

    talker = system.spawn(lambda: Talker(diary), name="talker")
    talker.tell_nowait(Nap(100))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(talker.stop, timeout=1))
        group.start_soon(partial(talker.stop, timeout=1.5))
    assert diary == ["started", "nap", "stopping"]


async def test_a_virtual_actor_that_is_cut_short_takes_nothing_until_it_has_ended(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    class Talker(Player):
        async def stopping(self) -> None:
            await anyio.sleep(0.8)

    family = system.virtual("family", each(Talker))
    family.ref(1).tell_nowait(Nap(100))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(family.ref(1).stop, timeout=1))
        await anyio.sleep(1.5)
        with pytest.raises(ActorStopped):
            family.ref(1).tell_nowait(Add(1))
    assert await family.ref(1).ask(Add(1), timeout=1) == 1
    assert [letter.reason for letter in letters] == [Reason.KILLED]


async def test_an_idle_watcher_handles_its_notice_without_being_asked(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(Player, name="player")
    watcher = system.spawn(lambda: Player(diary), name="watcher")
    await watcher.ask(Do(lambda actor: actor.watch(player, Add(5))), timeout=1)
    await player.stop()
    await anyio.sleep(1)
    assert diary == ["started", "add 5"]


async def test_a_notice_for_a_watcher_that_is_ending_is_a_dead_letter_and_not_handled(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    diary: list[str] = []
    player = system.spawn(Player, name="player")
    watcher = system.spawn(lambda: Player(diary), name="watcher")
    await watcher.ask(Do(lambda actor: actor.watch(player, Add(5))), timeout=1)
    watcher.tell_nowait(Nap(10))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(watcher.stop, timeout=100))
        await anyio.sleep(1)
        await player.stop()
    assert diary == ["started", "nap", "woke", "stopping"]
    assert letters == [DeadLetter(Reason.STOPPED, "watcher", Add(5))]


async def test_waiting_for_an_actor_in_vain_leaves_nothing_behind(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    async with anyio.create_task_group() as group:
        group.start_soon(player.wait_stopped)
        await anyio.sleep(0.1)
        for _ in range(3):
            with anyio.move_on_after(0.1):
                await player.wait_stopped()
        assert len(player._cell.waiters or ()) == 1
        with anyio.fail_after(5):
            await player.stop()
    assert not player._cell.waiters


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_who_is_cancelled_just_when_the_actor_has_ended_is_cancelled(
    anyio_backend: str, system: ActorSystem
) -> None:
    import asyncio

    player = system.spawn(Player, name="player")
    waiting = asyncio.ensure_future(player.wait_stopped())
    await asyncio.sleep(0)
    player._cell.wake_waiters()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await player.stop()


async def test_a_start_that_does_not_notice_the_kill_is_followed_by_its_goodbye(
    system: ActorSystem,
) -> None:
    class Deaf(Player):
        async def started(self) -> None:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(5)

        async def stopping(self) -> None:
            await anyio.sleep(0.5)
            await super().stopping()

    diary: list[str] = []
    deaf = system.spawn(lambda: Deaf(diary), name="deaf")
    await anyio.sleep(1)
    await deaf.stop(timeout=1)
    assert diary == ["stopping"]


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


async def test_what_has_five_seconds_unless_it_is_told_otherwise(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    async with ActorSystem() as system:
        for number, end in enumerate((ActorRef.stop, ActorRef.hold)):
            player = system.spawn(Player, name=str(number))
            player.tell_nowait(Nap(100))
            await anyio.sleep(0.1)
            began = system.now()
            await end(player)
            assert system.now() - began == pytest.approx(5, abs=0.1)
        virtual = system.virtual("users", each(Player)).ref(1)
        virtual.tell_nowait(Nap(100))
        began = system.now()
        await virtual.stop()
        assert system.now() - began == pytest.approx(5, abs=0.1)
        system.spawn(Player, name="last").tell_nowait(Nap(100))
        await anyio.sleep(0.1)
        began = system.now()
    assert system.now() - began == pytest.approx(5, abs=0.1)


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


async def test_actors_that_are_spawned_in_turn_keep_their_own_policies(
    system: ActorSystem,
) -> None:
    kept = system.spawn(Player, name="kept", on_exit=Hold)
    plain = system.spawn(Player, name="plain")
    fragile = system.spawn(Player, name="fragile", on_crash=lambda *_: Stop())
    roomy = system.spawn(Player, name="roomy", mailbox=Mailbox(5))
    for player in (kept, plain, roomy):
        player.tell_nowait(Fail(ValueError("oh")))
        assert await player.ask(Get(), timeout=1) == 0
    fragile.tell_nowait(Fail(ValueError("oh")))
    await fragile.wait_stopped()
    await plain.stop()
    await plain.wait_stopped()
    await kept.stop()
    assert kept.statistics().state == "held"
    await roomy.hold()
    for _ in range(5):
        roomy.tell_nowait(Add(1))
    with pytest.raises(MailboxFull):
        roomy.tell_nowait(Add(1))


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


async def test_an_actor_that_its_policy_ends_takes_nothing_while_it_cleans_up(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    class Slow(Player):
        async def restarting(self, error: Exception) -> None:
            await anyio.sleep(2)

    slow = system.spawn(Slow, name="slow", on_crash=lambda *_: Stop())
    slow.tell_nowait(Fail(ValueError("oh")))
    await anyio.sleep(1)
    with pytest.raises(ActorStopped):
        slow.tell_nowait(Add(1))
    await slow.wait_stopped()
    assert [letter.reason for letter in letters] == [Reason.CRASHED]


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


@pytest.mark.parametrize("order", ["hold", "kill", "crash", "notice"])
async def test_the_runtimes_own_orders_neither_wait_behind_mail_nor_for_room(
    system: ActorSystem, order: str
) -> None:
    class Busy(Player):
        async def run(self) -> None:
            await lost.wait()
            raise OSError("lost")

    lost = anyio.Event()
    diary: list[str] = []
    other = system.spawn(Player, name="other")
    busy = system.spawn(
        lambda: Busy(diary), name="busy", mailbox=Mailbox(1000), on_crash=lambda *_: Hold()
    )
    await busy.ask(Do(lambda actor: actor.watch(other, Add(-1))), timeout=1)
    busy.tell_nowait(Nap(1))
    await anyio.sleep(0.5)
    for _ in range(1000):
        busy.tell_nowait(Add(1))
    with pytest.raises(MailboxFull):
        busy.tell_nowait(Add(1))
    match order:
        case "hold":
            await busy.hold()
        case "kill":
            await busy.stop(timeout=0.1)
        case "crash":
            lost.set()
            await anyio.sleep(1)
        case "notice":
            await other.stop()
            await wait_until_idle(system)
    handled = diary.count("add 1")
    assert handled == (1000 if order == "notice" else 0)
    assert diary.count("add -1") == (order == "notice")


async def test_the_deadline_of_a_stop_that_became_a_hold_is_over_with_it(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player", on_exit=Hold)
    await player.stop(timeout=2)
    await player.resume()
    assert await player.ask(Add(1), timeout=1) == 1
    await anyio.sleep(5)
    assert await player.ask(Get(), timeout=1) == 1


async def test_an_actor_that_never_started_says_no_goodbye(system: ActorSystem) -> None:
    class Endless(Player):
        async def started(self) -> None:
            await anyio.sleep_forever()

    diary: list[str] = []
    endless = system.spawn(lambda: Endless(diary), name="endless")
    await endless.stop(timeout=1)
    assert diary == []


@pytest.mark.parametrize("end", ["stop", "hold"])
async def test_an_actor_that_would_wait_for_its_own_end_is_told_so(
    system: ActorSystem, end: str
) -> None:
    class Waiting(Player):
        async def receive(self, message: Line) -> object:
            return await getattr(self.ref, end)(timeout=100)

    waiting = system.spawn(Waiting, name="waiting", on_crash=lambda *_: Stop())
    began = system.now()
    with pytest.raises(ActorCrashed) as got:
        await waiting.ask(Get(), timeout=60)
    assert isinstance(got.value.__cause__, AskCycle)
    assert system.now() - began < 1
