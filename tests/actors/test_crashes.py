"""Crashes: what is lost, what is kept, how often and how fast an actor starts again."""

import itertools
from typing import Any

import anyio
import pytest

from actors import (
    Actor,
    ActorCrashed,
    ActorStopped,
    ActorSystem,
    Crash,
    DeadLetter,
    Hold,
    Mailbox,
    MailboxFull,
    Reason,
    Restart,
    Stop,
    StrayCancellation,
    restart_at_once,
)
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Line, Nap, Player

pytestmark = pytest.mark.anyio


async def test_a_crash_loses_the_state_and_keeps_the_mail(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    crash = Fail(ValueError("oh"))
    for message in (Add(1), crash, Add(10), Add(100)):
        player.tell_nowait(message)
    assert await player.ask(Get(), timeout=1) == 110
    assert diary == [
        "started", "add 1", "fail", "restarting after ValueError",
        "started", "add 10", "add 100",
    ]  # fmt: skip
    assert letters == [DeadLetter(Reason.CRASHED, "player", crash)]


async def test_a_crash_on_an_ask_is_no_dead_letter_because_the_asker_knows(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")
    with pytest.raises(ActorCrashed):
        await player.ask(Fail(ValueError("oh")), timeout=1)
    await wait_until_idle(system)
    assert letters == []


async def test_a_repeated_message_comes_before_the_mail_that_waited(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    diary: list[str] = []

    def again(message: Line | None, error: Exception, crashes: int) -> Restart[Line]:
        return Restart(delay=2.0, first=Add(1000))

    player = system.spawn(lambda: Player(diary), name="player", on_crash=again)
    player.tell_nowait(Fail(ValueError("oh")))
    player.tell_nowait(Add(1))
    began = system.now()
    assert await player.ask(Get(), timeout=10) == 1001
    assert system.now() - began >= 2
    assert diary[-2:] == ["add 1000", "add 1"]
    assert letters == []


async def test_the_bound_of_the_mailbox_holds_while_an_actor_waits_for_its_restart(
    system: ActorSystem,
) -> None:
    player = system.spawn(
        Player, name="player", mailbox=Mailbox(3), on_crash=lambda *_: Restart(delay=5.0)
    )
    with pytest.raises(ActorCrashed):
        await player.ask(Fail(ValueError("oh")), timeout=1)
    for _ in range(3):
        player.tell_nowait(Add(1))
    with pytest.raises(MailboxFull):
        player.tell_nowait(Add(1))
    await wait_until_idle(system, timeout=10)
    assert await player.ask(Get(), timeout=1) == 3


async def test_the_policy_counts_crashes_in_a_row_until_a_message_is_handled(
    system: ActorSystem,
) -> None:
    counts: list[int] = []

    def count(message: Line | None, error: Exception, crashes: int) -> Restart[Line]:
        counts.append(crashes)
        return Restart()

    player = system.spawn(Player, name="player", on_crash=count)
    for message in (Fail(ValueError()), Fail(ValueError()), Add(1), Fail(ValueError())):
        player.tell_nowait(message)
    await wait_until_idle(system)
    assert counts == [1, 2, 1]


async def test_ten_quiet_seconds_begin_a_new_row_of_crashes(system: ActorSystem) -> None:
    counts: list[int] = []

    def count(message: Line | None, error: Exception, crashes: int) -> Restart[Line]:
        counts.append(crashes)
        return Restart()

    player = system.spawn(Player, name="player", on_crash=count)
    for pause in (0, 9.9, 10.1):
        await anyio.sleep(pause)
        player.tell_nowait(Fail(ValueError()))
    await wait_until_idle(system)
    assert counts == [1, 2, 1]


async def test_a_policy_may_end_the_actor(system: ActorSystem, letters: list[DeadLetter]) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player", on_crash=lambda *_: Stop())
    player.tell_nowait(Fail(ValueError("oh")))
    player.tell_nowait(Add(1))
    with pytest.raises(ActorStopped):
        await player.ask(Get(), timeout=1)
    await player.wait_stopped()
    assert diary == ["started", "fail", "restarting after ValueError"]
    assert [letter.reason for letter in letters] == [Reason.CRASHED, Reason.STOPPED]


async def test_a_policy_that_raises_ends_the_actor(system: ActorSystem) -> None:
    def broken(message: Line | None, error: Exception, crashes: int) -> Restart[Line]:
        raise RuntimeError("no idea")

    player = system.spawn(Player, name="player", on_crash=broken)
    player.tell_nowait(Fail(ValueError("oh")))
    await player.wait_stopped()
    with pytest.raises(ActorStopped):
        player.tell_nowait(Add(1))


async def test_a_held_actor_keeps_its_mail_until_it_is_resumed(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", on_crash=lambda *_: Hold())
    player.tell_nowait(Fail(ValueError("oh")))
    player.tell_nowait(Add(5))
    await wait_until_idle(system)
    assert system.snapshot().waiting == 1
    with pytest.raises(ActorCrashed, match="oh"):
        await player.wait_started()
    await player.resume()
    assert await player.ask(Get(), timeout=1) == 5


async def test_an_actor_that_cannot_start_tries_ever_more_slowly(system: ActorSystem) -> None:
    tries: list[float] = []

    class Stubborn(Player):
        async def started(self) -> None:
            tries.append(self.system.now())
            if len(tries) < 12:
                raise ConnectionError("not yet")

    player = system.spawn(Stubborn, name="player")
    player.tell_nowait(Add(1))
    assert await player.ask(Get(), timeout=60) == 1
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert pauses[0] == pytest.approx(0.1, abs=0.02)
    assert pauses[3] == pytest.approx(0.8, abs=0.02)
    assert pauses[-1] == pytest.approx(5.0, abs=0.02)


async def test_a_factory_that_raises_is_a_crash_like_any_other(system: ActorSystem) -> None:
    tries = iter([OSError("no"), OSError("no"), None])

    def make() -> Player:
        error = next(tries)
        if error is not None:
            raise error
        return Player()

    player = system.spawn(make, name="player")
    assert await player.ask(Add(1), timeout=5) == 1
    assert system.snapshot().crashes == 2


async def test_the_default_policy_drops_a_message_at_once_and_backs_off_without_one() -> None:
    assert restart_at_once("message", ValueError(), 9) == Restart()
    assert restart_at_once(None, ValueError(), 1) == Restart(delay=0.1)
    assert restart_at_once(None, ValueError(), 1_000_000) == Restart(delay=5.0)


async def test_run_works_beside_the_messages_and_ends_with_its_incarnation(
    system: ActorSystem,
) -> None:
    ticks: list[str] = []

    class Ticker(Actor[Line]):
        def __init__(self, name: str) -> None:
            self.name = name

        async def run(self) -> None:
            while True:
                await anyio.sleep(1)
                ticks.append(self.name)

        async def receive(self, message: Line) -> object:
            if isinstance(message, Fail):
                raise message.error
            return len(ticks)

    names = iter(["first", "second"])
    ticker = system.spawn(lambda: Ticker(next(names)), name="ticker")
    await anyio.sleep(3.5)
    ticker.tell_nowait(Fail(ValueError("oh")))
    await anyio.sleep(1.5)
    assert ticks == ["first"] * 3 + ["second"]
    await ticker.stop()
    await anyio.sleep(5)
    assert ticks == ["first"] * 3 + ["second"]


async def test_a_crash_of_run_is_a_crash_of_the_actor(system: ActorSystem) -> None:
    crashes: list[Crash] = []
    system.on_crash(crashes.append)

    class Loop(Player):
        async def run(self) -> None:
            await anyio.sleep(1)
            if not crashes:
                raise OSError("gone")

    loop = system.spawn(Loop, name="loop")
    loop.tell_nowait(Add(1))
    await anyio.sleep(2)
    assert await loop.ask(Get(), timeout=1) == 0
    (crash,) = crashes
    assert (crash.actor, crash.message, crash.crashes) == ("loop", None, 1)
    assert isinstance(crash.error, OSError)
    assert crash.decision == Restart(delay=0.1)


async def test_an_actor_lives_on_when_its_run_returns(system: ActorSystem) -> None:
    class Brief(Player):
        async def run(self) -> None:
            await anyio.sleep(1)

    brief = system.spawn(Brief, name="brief")
    await anyio.sleep(2)
    assert await brief.ask(Add(1), timeout=1) == 1


async def test_a_hook_that_raises_is_seen_and_does_not_keep_the_actor_from_starting_again(
    system: ActorSystem,
) -> None:
    seen: list[str] = []
    system.on_crash(lambda crash: seen.append(str(crash.error)))

    class Clumsy(Player):
        async def restarting(self, error: Exception) -> None:
            raise OSError("could not let go")

        async def stopping(self) -> None:
            raise OSError("could not finish")

    clumsy = system.spawn(Clumsy, name="clumsy")
    clumsy.tell_nowait(Fail(ValueError("oh")))
    assert await clumsy.ask(Add(1), timeout=1) == 1
    await clumsy.stop()
    assert seen == ["oh", "could not let go", "could not finish"]


async def test_an_observer_that_raises_harms_nobody(system: ActorSystem) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("an observer's own trouble")

    system.on_crash(broken)
    system.on_dead_letter(broken)
    player = system.spawn(Player, name="player")
    player.tell_nowait(Fail(ValueError("oh")))
    assert await player.ask(Add(1), timeout=1) == 1


async def test_a_handler_that_raises_what_is_no_exception_ends_the_system(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    class Alarm(BaseException):
        pass

    answered: list[BaseException] = []

    async def sound_it() -> None:
        async with ActorSystem() as system:
            player = system.spawn(Player, name="player")
            try:
                await player.ask(Fail(Alarm()), timeout=1)
            except ActorCrashed as error:
                answered.append(error)
            await anyio.sleep(60)

    with pytest.raises(BaseExceptionGroup) as got:
        await sound_it()
    assert got.group_contains(Alarm, depth=None)
    assert isinstance(answered[0].__cause__, Alarm)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_that_escapes_from_another_task_is_a_crash(
    anyio_backend: str, system: ActorSystem
) -> None:
    import asyncio

    class Waits(Player):
        async def receive(self, message: Line) -> object:
            if isinstance(message, Nap):
                other = asyncio.ensure_future(asyncio.sleep(60))
                other.cancel()
                await other
            return await super().receive(message)

    waits = system.spawn(Waits, name="waits")
    waits.tell_nowait(Add(1))
    with pytest.raises(ActorCrashed) as got:
        await waits.ask(Nap(1), timeout=5)
    assert isinstance(got.value.__cause__, StrayCancellation)
    assert await waits.ask(Get(), timeout=1) == 0


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_worker_that_is_cancelled_from_outside_anyio_is_a_crash_and_works_on(
    anyio_backend: str, system: ActorSystem
) -> None:
    import asyncio

    def pending_cancellations(_: Player) -> int:
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    def cancel_myself(_: Player) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    class Cancelled(Player):
        async def receive(self, message: Line) -> object:
            result = await super().receive(message)
            await asyncio.sleep(0)
            return result

    player = system.spawn(Cancelled, name="player")
    with pytest.raises(ActorCrashed):
        await player.ask(Do(cancel_myself), timeout=5)
    assert await player.ask(Add(1), timeout=1) == 1
    assert await player.ask(Do(pending_cancellations), timeout=1) == 0


async def test_the_delay_of_an_earlier_crash_does_not_shorten_that_of_a_later_one(
    system: ActorSystem,
) -> None:
    delays = iter([10.0, 60.0])
    player = system.spawn(Player, name="player", on_crash=lambda *_: Restart(delay=next(delays)))
    player.tell_nowait(Fail(ValueError("oh")))
    await anyio.sleep(1)
    await player.resume()
    player.tell_nowait(Fail(ValueError("oh")))
    began = system.now()
    assert await player.ask(Add(1), timeout=100) == 1
    assert system.now() - began == pytest.approx(60, abs=0.1)


async def test_a_task_and_a_handler_that_fail_together_are_one_crash(system: ActorSystem) -> None:
    crashes: list[Crash] = []
    system.on_crash(crashes.append)

    class Both(Player):
        async def run(self) -> None:
            if not crashes:
                await anyio.sleep(1)
                raise OSError("gone")

        async def receive(self, message: Line) -> object:
            if isinstance(message, Nap):
                await anyio.sleep(message.seconds)
                raise ValueError("oh")
            return await super().receive(message)

    both = system.spawn(Both, name="both")
    both.tell_nowait(Nap(2))
    both.tell_nowait(Add(1))
    assert await both.ask(Get(), timeout=10) == 1
    assert [type(crash.error) for crash in crashes] == [ValueError]


async def test_resuming_an_actor_that_runs_changes_nothing(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.ask(Add(1), timeout=1)
    with anyio.fail_after(1):
        await player.resume()
    assert await player.ask(Get(), timeout=1) == 1


async def test_resuming_after_a_crash_waits_for_the_new_start(system: ActorSystem) -> None:
    class Slow(Player):
        async def started(self) -> None:
            await anyio.sleep(5)

    slow = system.spawn(Slow, name="slow", on_crash=lambda *_: Hold())
    slow.tell_nowait(Fail(ValueError("oh")))
    await wait_until_idle(system, timeout=10)
    began = system.now()
    await slow.resume()
    assert system.now() - began == pytest.approx(5, abs=0.1)
    assert slow.statistics().state == "running"


async def test_a_restart_without_a_delay_takes_no_time(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", on_crash=lambda *_: Restart())
    player.tell_nowait(Fail(ValueError("oh")))
    began = system.now()
    assert await player.ask(Add(1), timeout=1) == 1
    assert system.now() - began < 0.005


async def test_a_background_task_that_raises_what_is_no_exception_ends_the_system(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    class Halt(BaseException):
        pass

    class Halting(Player):
        async def run(self) -> None:
            raise Halt

    async def run_it() -> None:
        async with ActorSystem() as system:
            system.spawn(Halting, name="halting")
            await anyio.sleep(10)

    with pytest.raises(BaseExceptionGroup) as got:
        await run_it()
    assert got.group_contains(Halt, depth=None)
