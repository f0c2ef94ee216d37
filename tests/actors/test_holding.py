"""A hold: an actor ends and its mail waits for the next incarnation."""

import anyio
import pytest

from actors import (
    ActorStopped,
    ActorSystem,
    DeadLetter,
    Hold,
    Reason,
)
from tests.actors.cast import Add, Get, Nap, Player

pytestmark = pytest.mark.anyio


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


async def test_a_held_actor_is_waited_for_until_somebody_resumes_it(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", held=True)
    with pytest.raises(TimeoutError), anyio.fail_after(3):
        await player.wait_started()
    async with anyio.create_task_group() as group:
        group.start_soon(player.wait_started)
        await anyio.sleep(1)
        await player.resume()


async def test_the_deadline_of_a_stop_that_became_a_hold_is_over_with_it(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player", on_exit=Hold)
    await player.stop(timeout=2)
    await player.resume()
    assert await player.ask(Add(1), timeout=1) == 1
    await anyio.sleep(5)
    assert await player.ask(Get(), timeout=1) == 1
