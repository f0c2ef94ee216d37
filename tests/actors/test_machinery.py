"""The parts below the actors: mail, wheel, workers and snapshot."""

import time
from typing import Any
from unittest.mock import ANY

import anyio
import pytest

from actors import ActorSystem, Mailbox, Reason, Restart
from actors._backend import current_backend
from actors._mail import Mail
from actors._messages import Envelope
from actors._wheel import Wheel
from actors._workers import SPARE
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Nap, Player, each


def test_mail_is_given_back_in_order_and_leaves_nothing() -> None:
    mail, last = Mail(), Envelope("c", None, None, 3.0, None)
    assert (mail.depth, mail.oldest(9.0), mail.remove(last)) == (0, 9.0, False)
    mail.append("b")
    mail.append(last)
    mail.push_front("a")
    assert mail.mail is not None
    assert (list(mail.mail), mail.depth) == (["a", "b", last], 3)
    mail = Mail()
    mail.push_front("a")
    assert mail.depth == 1


def test_a_message_that_equals_everything_is_not_taken_for_another() -> None:
    mail, gone, kept = (
        Mail(),
        Envelope(1, None, None, 1.0, None),
        Envelope(2, None, None, 2.0, None),
    )
    for item in (ANY, gone, ANY, kept):
        mail.append(item)
    assert mail.remove(gone)
    assert not mail.remove(gone)
    assert mail.mail is not None
    assert [item is kept for item in mail.mail] == [False, False, True]


def test_the_age_of_mail_is_that_of_its_first_message() -> None:
    mail = Mail()
    mail.since = 1.0
    mail.append("bare")
    assert mail.oldest(9.0) == 1.0
    mail.push_front(Envelope("sealed", None, None, 2.0, None))
    assert mail.oldest(9.0) == 2.0


class Alarm:
    def __init__(self, rang: list[str], name: str) -> None:
        self.rang = rang
        self.name = name

    def expire(self) -> None:
        self.rang.append(self.name)
        if self.name == "broken":
            raise ValueError("a broken alarm")


@pytest.mark.anyio
async def test_a_wheel_is_never_early_and_at_most_a_slot_late(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    rang: list[str] = []
    wheel = Wheel(anyio.current_time)
    async with anyio.create_task_group() as group:
        start = anyio.current_time()
        wheel.add(Alarm(rang, "early"), start + 1)
        group.start_soon(wheel.run)
        await anyio.sleep(0.5)
        wheel.add(Alarm(rang, "later"), start + 5)
        wheel.add(Alarm(rang, "broken"), start + 3)
        forgotten = Alarm(rang, "forgotten")
        wheel.discard(forgotten, wheel.add(forgotten, start + 2))
        wheel.discard(forgotten, 0)
        for instant, expected in (
            (0.99, []),
            (1.02, ["early"]),
            (3.02, ["early", "broken"]),
            (5.02, ["early", "broken", "later"]),
        ):
            await anyio.sleep_until(start + instant)
            assert rang == expected
        group.cancel_scope.cancel()


@pytest.mark.anyio
async def test_a_long_mailbox_does_not_starve_the_others(system: ActorSystem) -> None:
    order: list[str] = []
    greedy = system.spawn(Player, name="greedy", mailbox=Mailbox(1000))
    modest = system.spawn(Player, name="modest")
    for _ in range(1000):
        greedy.tell_nowait(Do(lambda _: order.append("greedy")))
    modest.tell_nowait(Do(lambda _: order.append("modest")))
    await wait_until_idle(system)
    assert order.index("modest") <= 64
    assert order.count("greedy") == 1000


@pytest.mark.anyio
async def test_busy_actors_leave_the_loop_to_others_every_millisecond(
    system: ActorSystem,
) -> None:
    finished = False

    def work(actor: Player) -> None:
        time.sleep(0.0005)
        if not finished:
            actor.ref.tell_nowait(Do(work))

    system.spawn(Player, name="busy").tell_nowait(Do(work))
    for _ in range(20):
        await anyio.lowlevel.checkpoint()
    finished = True
    await wait_until_idle(system)
    assert 1 < system.snapshot().handled < 200


@pytest.mark.anyio
async def test_one_message_at_a_time_even_where_a_slice_ends_between_two(
    system: ActorSystem,
) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    for message in (Do(lambda _: time.sleep(0.005)), Nap(1), Add(1)) * 3:
        player.tell_nowait(message)
    await wait_until_idle(system)
    assert diary == ["started", *["nap", "woke", "add 1"] * 3]


@pytest.mark.anyio
async def test_a_start_that_takes_long_holds_up_nobody_else(system: ActorSystem) -> None:
    class Slow(Player):
        async def started(self) -> None:
            await anyio.sleep(10)

    player = system.spawn(Player, name="player")
    slow = [system.spawn(Slow, name=f"slow {number}") for number in range(3)]
    began = system.now()
    assert await player.ask(Add(1), timeout=1) == 1
    for one in slow:
        assert await one.ask(Add(1), timeout=20) == 1
    assert system.now() - began == pytest.approx(10, abs=0.1)


@pytest.mark.anyio
async def test_there_are_only_as_many_tasks_as_suspended_handlers(system: ActorSystem) -> None:
    players = [system.spawn(Player, name=str(number)) for number in range(1000)]
    await wait_until_idle(system)
    for player in players:
        player.tell_nowait(Add(1))
    await wait_until_idle(system)
    assert system.snapshot().workers <= 3
    for player in players:
        player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    assert 1000 <= system.snapshot().busy <= system.snapshot().workers <= 1002
    await wait_until_idle(system, timeout=60)
    assert system.snapshot().workers == SPARE == 256


@pytest.mark.anyio
async def test_a_resumed_handler_lets_a_waiting_leader_go_on(system: ActorSystem) -> None:
    players = [system.spawn(Player, name=str(number)) for number in range(4)]
    for round_ in range(20):
        for number, player in enumerate(players):
            player.tell_nowait(Nap(0.01 * ((round_ + number) % 3)))
            player.tell_nowait(Add(1))
    await wait_until_idle(system)
    for player in players:
        assert await player.ask(Get(), timeout=1) == 20


@pytest.mark.anyio
async def test_a_snapshot_counts_what_happened_and_shows_who_is_behind(
    system: ActorSystem,
) -> None:
    family = system.virtual("family", each(Player))
    player = system.spawn(Player, name="player", on_crash=lambda *_: Restart(delay=100))
    other = system.spawn(Player, name="other")
    player.tell_nowait(Fail(ValueError("oh")))
    player.tell_nowait(Add(1))
    await other.ask(Add(1), timeout=1)
    await family.ref(1).ask(Add(1), timeout=1)
    await anyio.sleep(5)
    seen = system.snapshot()
    assert (seen.name, seen.actors, seen.handled) == ("test", 3, 3)
    assert (seen.waiting, seen.ready, seen.resting) == (1, 0, 1)
    assert (seen.crashes, seen.restarts, seen.blocked, seen.busy) == (1, 1, 0, 0)
    assert seen.oldest_wait == pytest.approx(5, abs=0.1)
    assert seen.dead_letters == {Reason.CRASHED: 1}
    assert [one.name for one in seen.families] == ["family"]
    (top,) = seen.top
    assert (top.name, top.state, top.depth, top.crashes) == ("player", "restarting", 1, 1)


@pytest.mark.anyio
async def test_a_waiter_may_be_woken_before_it_waits_and_more_than_once(
    anyio_backend: tuple[str, dict[str, Any]],
) -> None:
    backend = current_backend()
    waiter = backend.waiter()
    backend.wake(waiter)
    backend.wake(waiter)
    with anyio.fail_after(1):
        await waiter


@pytest.mark.parametrize("options", [{}, {"use_uvloop": True}])
def test_the_runtime_works_on_the_ordinary_loops_too(options: dict[str, Any]) -> None:
    async def main() -> int:
        async with ActorSystem() as system:
            player = system.spawn(Player, name="player")
            player.tell_nowait(Nap(0.01))
            return await player.ask(Add(1), timeout=5)

    assert anyio.run(main, backend_options=options) == 1


@pytest.mark.anyio
async def test_many_starts_leave_the_loop_to_others_too(system: ActorSystem) -> None:
    for number in range(3000):
        system.spawn(Player, name=str(number))
    await anyio.lowlevel.checkpoint()
    await anyio.lowlevel.checkpoint()
    assert system.snapshot().ready > 0
    await wait_until_idle(system)
    assert system.snapshot().ready == 0


def test_a_system_that_does_not_run_spawns_nothing() -> None:
    with pytest.raises(RuntimeError, match="lives inside `async with`"):
        ActorSystem().spawn(Player, name="early")
