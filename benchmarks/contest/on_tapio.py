"""tapio-py with its validation of delivered messages off, which is its fastest setting."""

import asyncio
import gc
import tracemalloc
from datetime import timedelta

from tapio import ActorRef, ActorSystem, Behavior, Behaviors, Message, TapioSettings
from tapio.actor.context import ActorContext

from benchmarks.contest.sizes import BURST, Measures, Sizes, Stopwatch

SETTINGS = TapioSettings(validate_on_tell=False)
FEWER = 10
"""The memory of an idle actor is measured on so many times fewer of them."""


class Number(Message):
    """A message with a number."""

    value: int


class Question(Message):
    """A message with a place for its answer."""

    reply_to: ActorRef[Number]


class Counter:
    """Counts messages of all actors that share it, and sets an event."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total
        self.done = asyncio.Event()

    def behavior(self) -> Behavior[Number]:
        async def receive(_message: Number) -> Behavior[Number]:
            self.left -= 1
            if not self.left:
                self.left = self.total
                self.done.set()
            return Behaviors.same()

        return Behaviors.receive_message(receive)


async def _answer(_context: ActorContext[Question], message: Question) -> Behavior[Question]:
    message.reply_to.tell(ANSWER)
    return Behaviors.same()


ANSWER = Number(value=1)
DEADLINE = timedelta(seconds=5)


async def tell(sizes: Sizes) -> dict[str, float]:
    """To one actor, in bursts."""
    async with ActorSystem("bench", SETTINGS) as system:
        counter = Counter(BURST)
        ref = system.spawn(counter.behavior(), name="one")
        message = Number(value=1)
        watch = Stopwatch()
        for _ in range(sizes.messages // BURST):
            for _ in range(BURST):
                ref.tell(message)
            await counter.done.wait()
            counter.done.clear()
        return watch.per_second(sizes.messages)


async def ask(sizes: Sizes) -> dict[str, float]:
    """One after the other."""
    async with ActorSystem("bench", SETTINGS) as system:
        ref = system.spawn(Behaviors.receive(_answer), name="one")
        watch = Stopwatch()
        for _ in range(sizes.asks):
            await _ask(ref)
        return watch.per_second(sizes.asks)


async def ask_crowd(sizes: Sizes) -> dict[str, float]:
    """A thousand askers of one actor."""
    async with ActorSystem("bench", SETTINGS) as system:
        ref = system.spawn(Behaviors.receive(_answer), name="one")

        async def asker() -> None:
            for _ in range(sizes.asks // sizes.askers):
                await _ask(ref)

        watch = Stopwatch()
        await asyncio.gather(*(asker() for _ in range(sizes.askers)))
        return watch.per_second(sizes.asks)


async def _ask(ref: ActorRef[Question]) -> Number:
    return await ref.ask(
        lambda reply_to: Question(reply_to=reply_to), expect=Number, timeout=DEADLINE
    )


async def fan_out(sizes: Sizes) -> dict[str, float]:
    """To many actors in turn, again and again."""
    async with ActorSystem("bench", SETTINGS) as system:
        counter = Counter(sizes.actors * sizes.rounds)
        refs = [system.spawn(counter.behavior(), name=f"a{n}") for n in range(sizes.actors)]
        message = Number(value=1)
        await asyncio.sleep(0)
        watch = Stopwatch()
        for _ in range(sizes.rounds):
            for ref in refs:
                ref.tell(message)
        await counter.done.wait()
        return watch.per_second(sizes.actors * sizes.rounds)


async def spawn(sizes: Sizes) -> dict[str, float]:
    """Actors with a name each, until all of them run."""
    async with ActorSystem("bench", SETTINGS) as system:
        counter = Counter(sizes.actors)
        watch = Stopwatch()
        refs = [system.spawn(counter.behavior(), name=f"a{n}") for n in range(sizes.actors)]
        await asyncio.sleep(0)
        each = watch.microseconds_each(len(refs))
    return {"us": each}


async def idle(sizes: Sizes) -> dict[str, float]:
    """Bytes of an actor."""
    actors = sizes.idle // FEWER
    async with ActorSystem("bench", SETTINGS) as system:
        counter = Counter(actors)
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        refs = [system.spawn(counter.behavior(), name=f"a{n}") for n in range(actors)]
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return {"bytes": (after - before) / len(refs)}


MEASURES: Measures = {
    "tell": tell, "ask": ask, "ask_crowd": ask_crowd, "fan_out": fan_out, "spawn": spawn,
    "idle": idle,
}  # fmt: skip
