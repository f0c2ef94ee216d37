"""Ends by force: what is cut short, and what is still said and answered."""

from functools import partial

import anyio
import pytest

from actors import (
    ActorKilled,
    ActorStopped,
    ActorSystem,
    DeadLetter,
    Reason,
)
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Line, Nap, Player, each

pytestmark = pytest.mark.anyio


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


async def test_a_kill_of_an_idle_actor_ends_it(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await wait_until_idle(system)
    player._cell.kill()
    await player.wait_stopped()


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


async def test_an_actor_that_never_started_says_no_goodbye(system: ActorSystem) -> None:
    class Endless(Player):
        async def started(self) -> None:
            await anyio.sleep_forever()

    diary: list[str] = []
    endless = system.spawn(lambda: Endless(diary), name="endless")
    await endless.stop(timeout=1)
    assert diary == []
