"""Sending: order, answers, deadlines, and errors that tell whether anything happened."""

import itertools
from functools import partial

import anyio
import pytest

from actors import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskCycle,
    AskTimeout,
    DeadLetter,
    Message,
    Reason,
    UnhandledMessage,
)
from actors._ticket import Answer
from actors.testing import Probe, wait_until_idle
from tests.actors.cast import Add, Do, Fail, Get, Line, Nap, Player, Refused, Strange

pytestmark = pytest.mark.anyio


async def test_messages_of_one_sender_are_handled_in_their_order(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    for amount in range(500):
        player.tell_nowait(Add(amount))
    await wait_until_idle(system)
    assert diary == ["started", *(f"add {amount}" for amount in range(500))]


async def test_an_ask_returns_what_the_handler_returns(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.tell(Add(2))
    assert await player.ask(Add(3), timeout=1) == 5


async def test_one_message_at_a_time_even_where_the_handler_waits(system: ActorSystem) -> None:
    diary: list[str] = []
    player = system.spawn(lambda: Player(diary), name="player")
    player.tell_nowait(Nap(1))
    player.tell_nowait(Add(1))
    assert await player.ask(Get(), timeout=5) == 1
    assert diary == ["started", "nap", "woke", "add 1"]


async def test_a_suspended_handler_holds_up_nobody_else(system: ActorSystem) -> None:
    nappers = [system.spawn(Player, name=f"napper {n}") for n in range(100)]
    began = system.now()
    async with anyio.create_task_group() as group:
        for napper in nappers:
            group.start_soon(partial(napper.ask, Nap(10), timeout=20))
    assert system.now() - began < 11


async def test_an_ask_without_an_answer_ends_at_its_deadline(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    began = system.now()
    with pytest.raises(AskTimeout, match=r"player did not answer within 2 s"):
        await player.ask(Nap(10), timeout=2)
    assert 2 <= system.now() - began < 2.1


async def test_a_late_reply_vanishes(system: ActorSystem, letters: list[DeadLetter]) -> None:
    player = system.spawn(Player, name="player")
    with pytest.raises(AskTimeout):
        await player.ask(Nap(10), timeout=2)
    assert await player.ask(Add(1), timeout=20) == 1
    assert letters == []


async def test_an_expired_ask_is_skipped_and_not_handled(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(10))
    with pytest.raises(AskTimeout):
        await player.ask(Add(1), timeout=1)
    assert await player.ask(Get(), timeout=20) == 0
    assert letters == [DeadLetter(Reason.EXPIRED, "player", Add(1))]


async def test_an_asker_that_is_cancelled_leaves_its_message_to_be_skipped(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(10))
    with anyio.move_on_after(1):
        await player.ask(Add(1), timeout=60)
    assert await player.ask(Get(), timeout=20) == 0
    assert [letter.reason for letter in letters] == [Reason.EXPIRED]


async def test_an_asker_learns_at_once_of_a_crash(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    began = system.now()
    with pytest.raises(ActorCrashed, match="player crashed on this message: ValueError: oh") as got:
        await player.ask(Fail(ValueError("oh")), timeout=60)
    assert isinstance(got.value.__cause__, ValueError)
    assert system.now() - began < 0.1


async def test_a_declared_answer_reaches_the_asker_as_itself_and_the_actor_lives_on(
    system: ActorSystem,
) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Add(7))
    with pytest.raises(Refused, match="not today"):
        await player.ask(Fail(Refused("not today")), timeout=1)
    assert await player.ask(Get(), timeout=1) == 7


async def test_a_declared_answer_to_a_tell_is_a_dead_letter(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    player = system.spawn(Player, name="player")
    message = Fail(Refused("not today"))
    player.tell_nowait(message)
    await wait_until_idle(system)
    assert letters == [DeadLetter(Reason.REFUSED, "player", message)]


async def test_a_message_without_a_case_is_told_to_its_asker(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Add(7))
    with pytest.raises(UnhandledMessage, match="player has no case for a Strange"):
        await player.ask(Strange(), timeout=1)
    assert await player.ask(Get(), timeout=1) == 7


async def test_a_message_without_a_case_is_else_a_dead_letter(
    system: ActorSystem, letters: list[DeadLetter]
) -> None:
    bare: ActorRef[Strange] = system.spawn(Actor[Strange], name="bare")
    bare.tell_nowait(Strange())
    await wait_until_idle(system)
    assert letters == [DeadLetter(Reason.UNHANDLED, "bare", Strange())]


async def test_somebody_elses_unhandled_message_is_a_crash(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    with pytest.raises(ActorCrashed):
        await player.ask(Fail(UnhandledMessage("other", Get())), timeout=1)


async def test_an_ended_actor_takes_nothing(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    await player.stop()
    with pytest.raises(ActorStopped, match="player has stopped"):
        player.tell_nowait(Add(1))
    with pytest.raises(ActorStopped):
        await player.tell(Add(1))
    with pytest.raises(ActorStopped):
        await player.ask(Add(1), timeout=1)


async def test_the_same_actor_has_equal_refs_under_one_name(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    own = await player.ask(Do(lambda actor: actor.ref), timeout=1)
    assert own == player
    assert hash(own) == hash(player)
    assert player != system.spawn(Player, name="other")
    assert repr(player) == "<ActorRef player>"


async def test_a_handler_may_wait_on_anything_that_needs_a_task(system: ActorSystem) -> None:
    class Scoped(Actor[Get]):
        async def receive(self, message: Get) -> int:
            with anyio.fail_after(1):
                async with anyio.create_task_group() as group:
                    group.start_soon(anyio.sleep, 0.5)
            return 1

    assert await system.spawn(Scoped, name="scoped").ask(Get(), timeout=5) == 1


class Relay(Actor[Message[str]]):
    """Passes a question on to whom it was told of."""

    def __init__(self) -> None:
        self.next: ActorRef[Message[str]] | None = None

    async def receive(self, message: Message[str]) -> object:
        if isinstance(message, Introduce):
            self.next = message.ref
            return ""
        if self.next is None:
            return "the end"
        return await self.next.ask(message, timeout=60)


class Question(Message[str]):
    pass


class Introduce(Message[str]):
    def __init__(self, ref: ActorRef[Message[str]]) -> None:
        self.ref = ref


async def ring(system: ActorSystem, *names: str) -> list[ActorRef[Message[str]]]:
    refs = [system.spawn(Relay, name=name) for name in names]
    for ref, after in zip(refs, [*refs[1:], refs[0]], strict=True):
        await ref.ask(Introduce(after), timeout=1)
    return refs


async def test_a_ring_of_asks_is_answered_with_the_ring(system: ActorSystem) -> None:
    first, *_ = await ring(system, "ann", "bob", "cid")
    began = system.now()
    with pytest.raises(ActorCrashed) as got:
        await first.ask(Question(), timeout=60)
    error: BaseException | None = got.value
    while isinstance(error, ActorCrashed):
        error = error.__cause__
    assert isinstance(error, AskCycle)
    assert error.path == ("ann", "bob", "cid", "ann")
    assert system.now() - began < 1


async def test_an_actor_that_asks_itself_is_told_so(system: ActorSystem) -> None:
    (narcissus,) = await ring(system, "narcissus")
    with pytest.raises(ActorCrashed, match="narcissus -> narcissus"):
        await narcissus.ask(Question(), timeout=60)


async def test_a_chain_of_asks_without_a_ring_is_answered(system: ActorSystem) -> None:
    refs = [system.spawn(Relay, name=name) for name in "abc"]
    for ref, after in itertools.pairwise(refs):
        await ref.ask(Introduce(after), timeout=1)
    assert await refs[0].ask(Question(), timeout=5) == "the end"


async def test_a_task_that_outlived_its_handler_is_no_part_of_a_ring(system: ActorSystem) -> None:
    answers: list[int] = []
    async with anyio.create_task_group() as group:

        async def later(ref: ActorRef[Line]) -> None:
            await anyio.sleep(1)
            answers.append(await ref.ask(Add(1), timeout=1))

        player = system.spawn(Player, name="player")
        await player.ask(Do(lambda actor: group.start_soon(later, actor.ref)), timeout=1)
    assert answers == [1]


async def test_a_probe_shows_what_it_was_told(system: ActorSystem) -> None:
    probe: Probe[str] = Probe(system)
    probe.ref.tell_nowait("hello")
    assert await probe.receive() == "hello"
    with pytest.raises(TimeoutError):
        await probe.receive(timeout=3)


async def test_an_ask_is_settled_once(system: ActorSystem) -> None:
    backend = system._runtime.backend
    player = system.spawn(Player, name="player")
    for first, value in ((None, 1), (ValueError("too late"), None)):
        answer = Answer(player._cell, None, backend.waiter(), 1.0, 1.0)
        if first is None:
            answer.resolve(1)
        else:
            assert answer.fail(first)
        answer.resolve(2)
        answer.expire()
        assert not answer.fail(OSError("later still"))
        assert (answer.value, answer.error) == (value, first)
