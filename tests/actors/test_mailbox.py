"""A full mailbox: wait in line, fail, or drop; the bound holds in every case."""

import anyio
import anyio.lowlevel
import pytest

from actors import (
    ActorCrashed,
    ActorStopped,
    ActorSystem,
    AskCycle,
    AskTimeout,
    DeadLetter,
    Mailbox,
    MailboxFull,
    Overflow,
    Reason,
)
from actors.testing import wait_until_idle
from tests.actors.cast import Add, Get, Line, Nap, Player

pytestmark = pytest.mark.anyio


async def test_a_full_mailbox_fails_by_default_and_says_when_to_try_again(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(2))
    player.tell_nowait(Nap(10))
    await anyio.lowlevel.checkpoint()
    await anyio.sleep(3)
    player.tell_nowait(Add(1))
    player.tell_nowait(Add(1))
    await anyio.sleep(2)
    with pytest.raises(MailboxFull, match=r"the mailbox of player is full \(2 messages\)") as got:
        player.tell_nowait(Add(1))
    assert got.value.retry_after == pytest.approx(2, abs=0.1)
    with pytest.raises(MailboxFull):
        await player.tell(Add(1))
    with pytest.raises(MailboxFull):
        await player.ask(Add(1), timeout=1)


async def test_drop_new_makes_a_dead_letter_of_a_tell_and_refuses_an_ask(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.DROP_NEW))
    player.tell_nowait(Add(1))
    player.tell_nowait(Add(10))
    await player.tell(Add(100))
    with pytest.raises(MailboxFull):
        await player.ask(Get(), timeout=1)
    await wait_until_idle(system)
    assert await player.ask(Get(), timeout=1) == 1
    assert letters == [
        DeadLetter(Reason.DROPPED, "player", Add(10)),
        DeadLetter(Reason.DROPPED, "player", Add(100)),
    ]


async def test_drop_old_makes_room_and_tells_the_asker_whose_message_went(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(2, Overflow.DROP_OLD))
    refused: list[MailboxFull] = []

    async def ask() -> None:
        try:
            await player.ask(Get(), timeout=60)
        except MailboxFull as error:
            refused.append(error)

    player.tell_nowait(Nap(1))
    await anyio.sleep(0.5)
    async with anyio.create_task_group() as group:
        player.tell_nowait(Add(1))
        group.start_soon(ask)
        await anyio.sleep(0.1)
        player.tell_nowait(Add(10))
        player.tell_nowait(Add(100))
    await wait_until_idle(system)
    assert await player.ask(Get(), timeout=5) == 110
    assert len(refused) == 1
    assert letters == [DeadLetter(Reason.DROPPED, "player", Add(1))]


async def test_senders_wait_in_line_first_come_first_served(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player", mailbox=Mailbox(1, Overflow.WAIT))
    async with anyio.create_task_group() as group:
        for amount in range(20):
            group.start_soon(player.tell, Add(amount))
            await anyio.lowlevel.checkpoint()
    await wait_until_idle(system)
    assert diary[1:] == [f"add {amount}" for amount in range(20)]


async def test_nobody_waits_in_line_where_waiting_is_not_meant(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT))
    player.tell_nowait(Add(1))
    with pytest.raises(MailboxFull):
        player.tell_nowait(Add(1))


async def test_an_ask_waits_in_line_within_its_deadline(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT))
    player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    player.tell_nowait(Add(1))
    with pytest.raises(AskTimeout):
        await player.ask(Add(1000), timeout=2)
    assert player._cell.line is None
    assert await player.ask(Get(), timeout=20) == 1


async def test_a_sender_that_is_cancelled_in_the_line_sends_nothing(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT))
    player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    player.tell_nowait(Add(1))
    async with anyio.create_task_group() as group:
        group.start_soon(player.tell, Add(10))
        await anyio.sleep(0.1)
        with anyio.move_on_after(1):
            await player.tell(Add(1000))
        group.start_soon(player.tell, Add(100))
    assert await player.ask(Get(), timeout=20) == 111


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_sender_cancelled_just_after_it_was_let_in_takes_its_message_back(
    anyio_backend: str, system: ActorSystem
) -> None:
    import asyncio

    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT), held=True)
    player.tell_nowait(Add(1))
    let_in = asyncio.ensure_future(player.tell(Add(1000)))
    behind = asyncio.ensure_future(player.tell(Add(10)))
    await asyncio.sleep(0)
    cell = player._cell
    assert cell.mail is not None
    cell.mail.popleft()
    cell.admit()
    let_in.cancel()
    with pytest.raises(asyncio.CancelledError):
        await let_in
    await behind
    await player.resume()
    assert await player.ask(Get(), timeout=5) == 10


async def test_those_in_the_line_are_told_when_the_actor_ends(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT))
    player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    player.tell_nowait(Nap(10))
    refused: list[ActorStopped] = []

    async def tell() -> None:
        try:
            await player.tell(Add(1))
        except ActorStopped as error:
            refused.append(error)

    async def ask() -> None:
        try:
            await player.ask(Get(), timeout=60)
        except ActorStopped as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(tell)
        group.start_soon(ask)
        await anyio.sleep(1)
        await player.stop(timeout=1)
    assert len(refused) == 2


def test_a_mailbox_holds_at_least_one_message() -> None:
    with pytest.raises(ValueError, match="at least one message"):
        Mailbox(0)


async def test_an_actor_that_would_wait_in_its_own_line_is_told_so(system: ActorSystem) -> None:
    class Talkative(Player):
        async def receive(self, message: Line) -> object:
            if isinstance(message, Add):
                for _ in range(3):
                    await self.ref.tell(Get())
            return None

    talkative = system.spawn(Talkative, name="talkative", mailbox=Mailbox(2, Overflow.WAIT))
    with pytest.raises(ActorCrashed) as got:
        await talkative.ask(Add(1), timeout=60)
    assert isinstance(got.value.__cause__, AskCycle)


def test_a_mailbox_holds_a_thousand_and_fails_unless_it_is_told_otherwise() -> None:
    assert Mailbox() == Mailbox(capacity=1024, overflow=Overflow.FAIL)


async def test_who_finds_no_room_is_told_to_wait_as_long_as_the_oldest_has_waited(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1), held=True)
    player.tell_nowait(Add(1))
    with pytest.raises(MailboxFull) as at_once:
        player.tell_nowait(Add(1))
    await anyio.sleep(3)
    with pytest.raises(MailboxFull) as later:
        player.tell_nowait(Add(1))
    assert at_once.value.retry_after == pytest.approx(0.05, abs=0.01)
    assert later.value.retry_after == pytest.approx(3, abs=0.1)


async def test_a_line_is_served_in_its_order_and_forgotten(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player", mailbox=Mailbox(2, Overflow.WAIT))
    player.tell_nowait(Nap(10))
    await anyio.sleep(1)
    async with anyio.create_task_group() as group:
        for amount in range(8):
            group.start_soon(player.tell, Add(amount))
            await anyio.sleep(0.1)
        assert player._cell.depth == 2
    await wait_until_idle(system)
    assert diary[3:] == [f"add {amount}" for amount in range(8)]
    assert player._cell.line is None


async def test_a_line_that_its_last_sender_leaves_is_forgotten(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT), held=True)
    player.tell_nowait(Add(1))
    async with anyio.create_task_group() as group:
        group.start_soon(player.tell, Add(10))
        await anyio.sleep(0.1)
        with anyio.move_on_after(1):
            await player.tell(Add(1000))
        assert len(player._cell.line or ()) == 1
        group.cancel_scope.cancel()
    assert player._cell.line is None
    await player.resume()
    assert await player.ask(Get(), timeout=5) == 1


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_only_one_in_the_line_may_take_a_message_back_that_was_let_in(
    anyio_backend: str, system: ActorSystem
) -> None:
    import asyncio

    player = system.spawn(Player, name="player", mailbox=Mailbox(1, Overflow.WAIT), held=True)
    player.tell_nowait(Add(1))
    let_in = asyncio.ensure_future(player.tell(Add(1000)))
    await asyncio.sleep(0)
    cell = player._cell
    assert cell.mail is not None
    cell.mail.popleft()
    cell.admit()
    let_in.cancel()
    with pytest.raises(asyncio.CancelledError):
        await let_in
    await player.resume()
    assert await player.ask(Get(), timeout=5) == 0
