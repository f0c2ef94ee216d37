"""Pykka: a thread for each actor, queues and futures of the standard library."""

import threading

import pykka

from benchmarks.contest.sizes import BURST, Measures, Sizes, Stopwatch

FEWER = 10
"""Fan-out and spawning are measured on so many times fewer actors: each is a thread."""


class Counting(pykka.ThreadingActor):
    """Sets an event when it has handled so many messages."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total
        self.left = total
        self.done = threading.Event()

    def on_receive(self, message: object) -> None:
        self.left -= 1
        if not self.left:
            self.left = self.total
            self.done.set()


class Answering(pykka.ThreadingActor):
    """Answers with a number."""

    def on_receive(self, message: object) -> int:
        return 1


async def tell(sizes: Sizes) -> dict[str, float]:
    """To one actor, in bursts."""
    ref = Counting.start(BURST)
    done = ref.proxy().done.get()
    watch = Stopwatch()
    for _ in range(sizes.messages // BURST):
        for number in range(BURST):
            ref.tell(number)
        done.wait()
        done.clear()
    rate = watch.per_second(sizes.messages)
    ref.stop()
    return rate


async def ask(sizes: Sizes) -> dict[str, float]:
    """One after the other."""
    ref = Answering.start()
    watch = Stopwatch()
    for number in range(sizes.asks):
        ref.ask(number, timeout=5)
    rate = watch.per_second(sizes.asks)
    ref.stop()
    return rate


async def ask_crowd(sizes: Sizes) -> dict[str, float]:
    """As many open questions, from one thread: its cheapest form."""
    ref = Answering.start()
    watch = Stopwatch()
    for _ in range(sizes.asks // sizes.askers):
        futures = [ref.ask(number, block=False) for number in range(sizes.askers)]
        for future in futures:
            future.get(timeout=5)
    rate = watch.per_second(sizes.asks)
    ref.stop()
    return rate


async def fan_out(sizes: Sizes) -> dict[str, float]:
    """To a tenth of the actors, in turn, again and again."""
    actors = sizes.actors // FEWER
    refs = [Counting.start(sizes.rounds) for _ in range(actors)]
    events = [ref.proxy().done.get() for ref in refs]
    watch = Stopwatch()
    for number in range(sizes.rounds):
        for ref in refs:
            ref.tell(number)
    for event in events:
        event.wait()
    rate = watch.per_second(actors * sizes.rounds)
    pykka.ActorRegistry.stop_all()
    return rate


async def spawn(sizes: Sizes) -> dict[str, float]:
    """A tenth of the actors."""
    actors = sizes.actors // FEWER
    watch = Stopwatch()
    for _ in range(actors):
        Answering.start()
    each = watch.microseconds_each(actors)
    pykka.ActorRegistry.stop_all()
    return {"us": each}


MEASURES: Measures = {
    "tell": tell, "ask": ask, "ask_crowd": ask_crowd, "fan_out": fan_out, "spawn": spawn,
}  # fmt: skip
