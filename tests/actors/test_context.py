"""What travels with a message, and what does not: ids yes, context variables of others no."""

import gc
import weakref
from contextvars import ContextVar

import anyio
import pytest
from anyio.abc import TaskGroup

from actors import Actor, ActorRef, ActorSystem, Envelope, Message, current_envelope, origin
from actors.testing import wait_until_idle
from tests.actors.cast import Do, Player

pytestmark = pytest.mark.anyio

colour: ContextVar[str] = ContextVar("colour", default="none")


class Where(Message[Envelope]):
    """Answered with the envelope in which it came."""


class Pass(Message[tuple[Envelope, Envelope]]):
    """Answered with this envelope and the one that the next actor saw."""


class Courier(Actor[Where | Pass]):
    def __init__(self, following: ActorRef[Where | Pass] | None = None) -> None:
        self.following = following

    async def receive(self, message: Where | Pass) -> object:
        own = current_envelope()
        if isinstance(message, Where) or self.following is None:
            return own
        return own, await self.following.ask(Where(), timeout=5)


async def test_ids_pass_from_message_to_message(system: ActorSystem) -> None:
    second = system.spawn(Courier, name="second")
    first = system.spawn(lambda: Courier(second), name="first")
    with origin(correlation_id="request-7", traceparent="00-trace-span-01"):
        here, there = await first.ask(Pass(), timeout=5)
    assert here.correlation_id == there.correlation_id == "request-7"
    assert here.traceparent == there.traceparent == "00-trace-span-01"
    assert there.causation_id == here.number
    assert isinstance(there.message, Where)
    assert there.deadline == pytest.approx(system.now() + 5, abs=0.1)
    assert there.enqueued == pytest.approx(system.now(), abs=0.1)


async def test_a_first_message_starts_a_trace_of_its_own(system: ActorSystem) -> None:
    second = system.spawn(Courier, name="second")
    first = system.spawn(lambda: Courier(second), name="first")
    here, there = await first.ask(Pass(), timeout=5)
    other = await first.ask(Where(), timeout=5)
    assert here.causation_id is None
    assert here.traceparent is None
    assert here.correlation_id == there.correlation_id != other.correlation_id
    assert here.number != there.number


async def test_a_tell_has_no_deadline(system: ActorSystem) -> None:
    seen: list[Envelope | None] = []
    player = system.spawn(Player, name="player")
    player.tell_nowait(Do(lambda _: seen.append(current_envelope())))
    await wait_until_idle(system)
    assert seen[0] is not None
    assert seen[0].deadline is None


async def test_there_is_no_envelope_outside_a_handler(system: ActorSystem) -> None:
    seen: list[Envelope | None] = []
    ran = anyio.Event()

    class Loop(Player):
        async def started(self) -> None:
            seen.append(current_envelope())

        async def run(self) -> None:
            seen.append(current_envelope())
            ran.set()

    player = system.spawn(Player, name="player")
    await player.ask(Do(lambda actor: actor.system.spawn(Loop, name="loop") and None), timeout=1)
    with anyio.fail_after(1):
        await ran.wait()
    assert current_envelope() is None
    assert seen == [None, None]


class Spawning(Actor[str]):
    """Leaves a task behind for each message, which looks at its envelope now and then."""

    def __init__(self, group: TaskGroup, seen: dict[str, list[Envelope | None]]) -> None:
        self.group = group
        self.seen = seen

    async def receive(self, message: str) -> None:
        self.group.start_soon(self.look, self.seen.setdefault(message, []))
        if message == "waits":
            await anyio.sleep(1)

    async def look(self, seen: list[Envelope | None]) -> None:
        for _ in range(3):
            seen.append(current_envelope())
            await anyio.sleep(2)


async def test_a_task_that_a_handler_leaves_behind_finds_the_message_of_its_own(
    system: ActorSystem,
) -> None:
    seen: dict[str, list[Envelope | None]] = {}
    async with anyio.create_task_group() as group:
        spawning = system.spawn(lambda: Spawning(group, seen), name="spawning")
        for message in ("at once", "waits", "after it"):
            spawning.tell_nowait(message)
        await wait_until_idle(system)
    assert list(seen) == ["at once", "waits", "after it"]
    found = {message: one for message, (one, *_) in seen.items() if one is not None}
    for message, envelopes in seen.items():
        assert found[message].message == message
        assert all(one is found[message] for one in envelopes)
    for distinct in ("number", "correlation_id"):
        assert len({getattr(one, distinct) for one in found.values()}) == 3


async def test_what_a_handler_and_its_tasks_send_has_the_same_cause(system: ActorSystem) -> None:
    causes: list[tuple[int | None, str]] = []
    numbers: list[int] = []

    def note(_actor: Player) -> None:
        own = current_envelope()
        assert own is not None
        causes.append((own.causation_id, own.correlation_id))

    async with anyio.create_task_group() as group:

        async def send_later() -> None:
            await anyio.sleep(1)
            await second.tell(Do(note))

        def send(_actor: Player) -> None:
            group.start_soon(send_later)
            second.tell_nowait(Do(note))
            own = current_envelope()
            assert own is not None
            numbers.append(own.number)

        first, second = (system.spawn(Player, name=name) for name in ("first", "second"))
        first.tell_nowait(Do(send))
        first.tell_nowait(Do(send))
        await wait_until_idle(system)
    await wait_until_idle(system)
    assert len(causes) == 4
    assert len(set(causes)) == len(set(numbers)) == 2
    assert sorted(causes) == sorted([*causes[:2], *causes[:2]])
    assert {cause for cause, _ in causes} == set(numbers)


async def test_an_envelope_may_be_sent_as_a_message(system: ActorSystem) -> None:
    seen: list[tuple[object, Envelope | None]] = []

    class Archive(Actor[Envelope]):
        async def receive(self, message: Envelope) -> None:
            seen.append((message.message, current_envelope()))

    with origin() as root:
        kept = root
    system.spawn(Archive, name="archive").tell_nowait(kept)
    await wait_until_idle(system)
    ((message, own),) = seen
    assert message is None
    assert own is not None
    assert own is not kept
    assert own.message is kept


async def test_handlers_of_isolated_actors_see_nobody_elses_variables(system: ActorSystem) -> None:
    class Isolated(Player):
        isolated = True

    players = [system.spawn(Isolated, name=f"player {n}") for n in range(3)]
    for player in players * 2:
        assert await player.ask(Do(lambda _: colour.get()), timeout=1) == "none"
        await player.ask(Do(lambda _: colour.set("red") and None), timeout=1)


async def test_an_isolated_handler_may_wait_and_keeps_its_variables(system: ActorSystem) -> None:
    class Isolated(Actor[Where]):
        isolated = True

        async def receive(self, _message: Where) -> object:
            colour.set("blue")
            with anyio.move_on_after(1) as scope:
                await anyio.sleep(5)
            assert scope.cancelled_caught
            assert current_envelope() is not None
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 1)
            assert colour.get() == "blue"
            return current_envelope()

    isolated = system.spawn(Isolated, name="isolated")
    envelope = await isolated.ask(Where(), timeout=10)
    assert isinstance(envelope.message, Where)


async def test_variables_of_the_sender_do_not_travel(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    token = colour.set("green")
    try:
        assert await player.ask(Do(lambda _: colour.get()), timeout=1) == "none"
    finally:
        colour.reset(token)


async def test_a_message_is_forgotten_once_it_is_handled(system: ActorSystem) -> None:
    class Tracked(Message[None]):
        pass

    class Reader(Actor[Tracked]):
        async def receive(self, message: Tracked) -> None:
            return None

    reader = system.spawn(Reader, name="reader")
    message = Tracked()
    gone = weakref.ref(message)
    await reader.ask(message, timeout=1)
    del message
    await wait_until_idle(system)
    gc.collect()
    assert gone() is None
