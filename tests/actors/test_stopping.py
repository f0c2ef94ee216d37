"""Ends: graceful within a deadline, by force after it, and every ask answered."""

from functools import partial
from typing import Any

import anyio
import pytest

from actors import (
    ActorCrashed,
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


async def test_an_exit_policy_that_raises_is_an_end(system: ActorSystem) -> None:
    def broken() -> Hold:
        raise RuntimeError("no idea")

    player = system.spawn(Player, name="player", on_exit=broken)
    await player.stop()
    with pytest.raises(ActorStopped):
        player.tell_nowait(Add(1))


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
