"""What an actor says to itself: later, again and again, or not now."""

import asyncio

import anyio
import pytest
import trio
import trio.testing

from actors import (
    ActorCrashed,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    Envelope,
    Mailbox,
    Overflow,
    Reason,
    StashFull,
    Timer,
    current_envelope,
)
from actors.testing import VirtualTimeLoop, wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Line, Nap, Player, Refused, each

pytestmark = pytest.mark.anyio


async def test_a_timer_sends_once_and_at_its_time(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.ask(Do(lambda actor: actor.after(5, Add(1))), timeout=1)
    await anyio.sleep(4.9)
    assert await player.ask(Get(), timeout=1) == 0
    await anyio.sleep(10)
    assert await player.ask(Get(), timeout=1) == 1


async def test_a_periodic_timer_sends_until_it_is_cancelled(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    timer = await player.ask(Do(lambda actor: actor.every(5, Add(1))), timeout=1)
    await anyio.sleep(21)
    assert await player.ask(Get(), timeout=1) == 4
    await player.ask(Do(lambda actor: timer.cancel()), timeout=1)  # type: ignore[attr-defined]
    await anyio.sleep(21)
    assert await player.ask(Get(), timeout=1) == 4


async def test_a_cancelled_timer_is_not_handled_even_where_its_message_waits(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")

    def block(actor: Player) -> None:
        timer = actor.after(1, Add(1))
        actor.after(0.5, Nap(5))
        actor.after(0.6, Do(lambda _: timer.cancel()))

    await player.ask(Do(block), timeout=1)
    await anyio.sleep(10)
    assert await player.ask(Get(), timeout=1) == 0
    assert letters == []


@pytest.mark.parametrize("end", ["crash", "stop"])
async def test_timers_end_with_their_incarnation(system: ActorSystem, end: str) -> None:
    player = system.spawn(Player, name="player")
    await player.ask(Do(lambda actor: (actor.every(1, Add(1)), actor.after(9, Add(1)))), timeout=1)
    await anyio.sleep(3.5)
    if end == "crash":
        player.tell_nowait(Fail(ValueError("oh")))
        await anyio.sleep(20)
        assert await player.ask(Get(), timeout=1) == 0
    else:
        await player.stop()
        handled = system.snapshot().handled
        await anyio.sleep(20)
        assert system.snapshot().handled == handled


async def test_missed_ticks_are_skipped_and_do_not_pile_up(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.ask(Do(lambda actor: actor.every(1, Add(1))), timeout=1)
    jump(50)
    await anyio.sleep(0.5)
    assert await player.ask(Get(), timeout=1) == 1
    await anyio.sleep(1)
    assert await player.ask(Get(), timeout=1) == 2


def jump(seconds: float) -> None:
    """Move the virtual clock as a loop would find it that was blocked for so long."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        clock.jump(seconds)
    else:
        assert isinstance(loop, VirtualTimeLoop)
        loop.jump(seconds)


@pytest.mark.parametrize("overflow", [Overflow.FAIL, Overflow.WAIT])
async def test_a_timer_that_finds_the_mailbox_full_is_a_dead_letter(
    system: ActorSystem, letters: list[DeadLetter], overflow: Overflow
) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, overflow))
    await player.ask(Do(lambda actor: actor.after(2, Add(7))), timeout=1)
    player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    player.tell_nowait(Add(1))
    await anyio.sleep(20)
    assert letters == [DeadLetter(Reason.DROPPED, "player", Add(7))]


async def test_a_pending_timer_keeps_a_virtual_actor(system: ActorSystem) -> None:
    family = system.virtual("users", each(Player), idle=5)
    await family.ref(1).ask(Do(lambda actor: actor.after(20, Add(1))), timeout=1)
    await anyio.sleep(19)
    assert len(family) == 1
    await anyio.sleep(20)
    assert len(family) == 0


async def test_a_period_is_longer_than_nothing(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    with pytest.raises(ActorCrashed, match="longer than nothing"):
        await player.ask(Do(lambda actor: actor.every(0, Add(1))), timeout=1)


class Shy(Player):
    """Sets everything aside until it is told to count."""

    def __init__(self, diary: list[str] | None = None) -> None:
        super().__init__(diary)
        self.open = False

    async def receive(self, message: Line) -> object:
        if not self.open and isinstance(message, Add | Get):
            self.stash()
            return None
        if isinstance(message, Nap):
            self.open = True
            self.unstash()
            return None
        return await super().receive(message)


async def test_what_was_set_aside_comes_first_and_in_its_order(system: ActorSystem) -> None:
    diary: list[str] = []
    shy = system.spawn(lambda: Shy(diary), name="shy")
    for message in (Add(1), Add(2), Nap(0), Add(3)):
        shy.tell_nowait(message)
    assert await shy.ask(Get(), timeout=1) == 6
    assert diary == ["started", "add 1", "add 2", "add 3"]


async def test_an_ask_that_was_set_aside_is_answered_when_it_is_handled(
    system: ActorSystem,
) -> None:
    shy = system.spawn(Shy, name="shy")
    totals: list[int] = []

    async def ask() -> None:
        totals.append(await shy.ask(Add(1), timeout=60))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(10)
        assert totals == []
        shy.tell_nowait(Nap(0))
    assert totals == [1]


async def test_a_restart_brings_back_what_was_set_aside(system: ActorSystem) -> None:
    shy = system.spawn(Shy, name="shy")
    for message in (Add(1), Fail(ValueError("oh")), Nap(0)):
        shy.tell_nowait(message)
    assert await shy.ask(Add(1), timeout=1) == 2


async def test_what_was_set_aside_is_turned_down_at_the_end(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    shy = system.spawn(Shy, name="shy")
    shy.tell_nowait(Add(1))
    await shy.stop()
    family = system.virtual("shy ones", each(Shy), idle=5)
    family.ref(1).tell_nowait(Add(2))
    await anyio.sleep(20)
    assert len(family) == 1
    await family.ref(1).stop()
    assert letters == [
        DeadLetter(Reason.STOPPED, "shy", Add(1)),
        DeadLetter(Reason.STOPPED, "shy ones/1", Add(2)),
    ]


async def test_the_stash_is_bounded_like_the_mailbox(system: ActorSystem) -> None:
    crashes: list[BaseException] = []
    system.on_crash(lambda crash: crashes.append(crash.error))
    shy = system.spawn(Shy, name="shy", mailbox=Mailbox(2))
    for _ in range(3):
        shy.tell_nowait(Add(1))
        await wait_until_idle(system)
    assert [type(error) for error in crashes] == [StashFull]


async def test_only_a_message_can_be_set_aside_and_only_once(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")

    def twice(actor: Player) -> None:
        actor.stash()
        with pytest.raises(RuntimeError, match="handles no message"):
            actor.stash()
        actor.unstash()
        raise ConnectionError("after the stash")

    with pytest.raises(AskTimeout):
        await player.ask(Do(twice), timeout=0.0)


async def test_what_was_set_aside_is_not_refused_by_an_error_after_it(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    def aside(actor: Player) -> None:
        if not actor.total:
            actor.total = 1
            actor.stash()
            raise Refused("not now")

    player = system.spawn(Player, name="player")
    player.tell_nowait(Do(aside))
    assert await player.ask(Do(lambda actor: actor.unstash()), timeout=1) is None
    await wait_until_idle(system)
    assert letters == []


async def test_a_restart_alone_brings_back_what_was_set_aside(system: ActorSystem) -> None:
    shy = iter([Shy(), Player()])
    player = system.spawn(lambda: next(shy), name="player")
    for message in (Add(1), Add(2), Fail(ValueError("oh")), Add(3)):
        player.tell_nowait(message)
    assert await player.ask(Get(), timeout=1) == 6


async def test_where_nothing_was_set_aside_nothing_comes_back(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    assert await player.ask(Do(lambda actor: actor.unstash()), timeout=1) is None
    assert await player.ask(Add(1), timeout=1) == 1


async def test_a_timers_message_has_no_deadline(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    seen: list[Envelope | None] = []
    look = Do(lambda _: seen.append(current_envelope()))
    await player.ask(Do(lambda actor: actor.after(1, look)), timeout=1)
    await anyio.sleep(2)
    assert seen[0] is not None
    assert seen[0].deadline is None


async def test_a_timer_that_rang_leaves_the_others_with_their_incarnation(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player")
    both = Do(lambda actor: (actor.after(1, Add(1)), actor.after(5, Add(10))))
    await player.ask(both, timeout=1)
    await anyio.sleep(2)
    player.tell_nowait(Fail(ValueError("oh")))
    await anyio.sleep(10)
    assert await player.ask(Get(), timeout=1) == 0


async def test_a_cancelled_timer_waits_for_nothing_more(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    wheel = system._runtime.wheel

    def pending() -> int:
        return sum(isinstance(one, Timer) for slot in wheel._slots.values() for one in slot)

    timer = await player.ask(Do(lambda actor: actor.every(5, Add(1))), timeout=1)
    assert isinstance(timer, Timer)
    assert pending() == 1
    timer.cancel()
    assert pending() == 0
