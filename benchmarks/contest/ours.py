"""This project's runtime, through its public interface, with its default settings.

Only the capacity of a mailbox that shall be flooded, and the cap of a family, are set.
"""

import asyncio
import gc
import sys
import tracemalloc
from pathlib import Path
from time import perf_counter, process_time

from anyio.lowlevel import checkpoint

from actors import Actor, ActorRef, ActorSystem, Mailbox, Message, VirtualActors
from benchmarks.contest.sizes import BURST, Measures, Sizes, Stopwatch

WORK = 5e-6
"""Seconds that one message of the flood takes."""


class Number(Message[int]):
    """Answered with a number; equal to nothing, so that nothing is compared."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value


class Counting(Actor[int]):
    """Sets an event when it has handled so many messages."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total
        self.done = asyncio.Event()

    async def receive(self, message: int) -> None:
        self.left -= 1
        if not self.left:
            self.left = self.total
            self.done.set()


class Answering(Actor[Number]):
    """Answers with a number."""

    async def receive(self, message: Number) -> int:
        return 1


class Idle(Actor[int]):
    """Has nothing to do."""

    async def receive(self, message: int) -> None:
        return None


async def tell(sizes: Sizes) -> dict[str, float]:
    """To one actor, in bursts."""
    async with ActorSystem() as system:
        actor = Counting(BURST)
        ref = system.spawn(lambda: actor, name="one")
        await ref.wait_started()
        watch = Stopwatch()
        for _ in range(sizes.messages // BURST):
            for number in range(BURST):
                ref.tell_nowait(number)
            await actor.done.wait()
            actor.done.clear()
        return watch.per_second(sizes.messages)


async def ask(sizes: Sizes) -> dict[str, float]:
    """One after the other."""
    async with ActorSystem() as system:
        ref = system.spawn(Answering, name="one")
        await ref.wait_started()
        watch = Stopwatch()
        for number in range(sizes.asks):
            await ref.ask(Number(number), timeout=5)
        return watch.per_second(sizes.asks)


async def ask_crowd(sizes: Sizes) -> dict[str, float]:
    """A thousand askers of one actor."""
    async with ActorSystem() as system:
        ref = system.spawn(Answering, name="one")
        await ref.wait_started()

        async def asker() -> None:
            for number in range(sizes.asks // sizes.askers):
                await ref.ask(Number(number), timeout=5)

        watch = Stopwatch()
        await asyncio.gather(*(asker() for _ in range(sizes.askers)))
        return watch.per_second(sizes.asks)


class Part(Actor[int]):
    """One of many that count together."""

    def __init__(self, counter: Counting) -> None:
        self.counter = counter

    async def receive(self, message: int) -> None:
        counter = self.counter
        counter.left -= 1
        if not counter.left:
            counter.done.set()


async def fan_out(sizes: Sizes) -> dict[str, float]:
    """To many actors in turn, again and again."""
    async with ActorSystem() as system:
        counter = Counting(sizes.actors * sizes.rounds)
        refs = [
            system.spawn(lambda: Part(counter), name=str(number)) for number in range(sizes.actors)
        ]
        await refs[-1].wait_started()
        watch = Stopwatch()
        for number in range(sizes.rounds):
            for ref in refs:
                ref.tell_nowait(number)
        await counter.done.wait()
        return watch.per_second(sizes.actors * sizes.rounds)


async def spawn(sizes: Sizes) -> dict[str, float]:
    """Actors with a name each, until the last of them has started."""
    names = [f"actor {number}" for number in range(sizes.actors)]
    async with ActorSystem() as system:
        watch = Stopwatch()
        for name in names:
            ref = system.spawn(Idle, name=name)
        await ref.wait_started()
        each = watch.microseconds_each(sizes.actors)
    return {"us": each}


async def idle(sizes: Sizes) -> dict[str, float]:
    """Bytes of an idle virtual actor with a key of its own, by tracemalloc: the cell, the user's
    object, the key, and the place in the family. And of its cell alone, as the interpreter says."""
    async with ActorSystem() as system:
        family: VirtualActors[int, int] = system.virtual(
            "idle", lambda _key: Idle(), limit=sizes.idle
        )
        await _activate(family.ref(-1))
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for first in range(0, sizes.idle - 1, BURST):
            for key in range(first, first + BURST - 1):
                family.ref(key).tell_nowait(0)
            await _activate(family.ref(first + BURST - 1))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        cell = family.cells()[-1]
        return {
            "bytes": (after - before) / (len(family) - 1),
            "cell_bytes": sum(map(sys.getsizeof, (cell, cell.used, cell.since))),
        }


async def _activate(ref: ActorRef[int]) -> None:
    ref.tell_nowait(0)
    await ref.wait_started()


class Slow(Actor[int]):
    """Takes its time for each message."""

    async def receive(self, message: int) -> None:
        until = perf_counter() + WORK
        while perf_counter() < until:
            pass


class Heart(Actor[int]):
    """Tells itself to go on, and notes how long it took to get its next turn."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self.last = process_time()
        self.beats = True

    async def receive(self, message: int) -> None:
        now = process_time()
        self.gaps.append(now - self.last)
        self.last = now
        if self.beats:
            self.ref.tell_nowait(message)


async def flood(sizes: Sizes) -> dict[str, float]:
    """Gaps of another actor and of a plain task while one actor is flooded, in CPU time, which
    is all that passes on a loop that never sleeps."""
    beating, task_gaps = Heart(), list[float]()
    async with ActorSystem() as system:
        slow = system.spawn(Slow, name="slow", mailbox=Mailbox(sizes.flood + 1))
        heart = system.spawn(lambda: beating, name="heart")
        await slow.wait_started()
        await heart.wait_started()
        for number in range(sizes.flood):
            slow.tell_nowait(number)
        heart.tell_nowait(0)
        began = process_time()
        last = began
        while slow.statistics().depth:
            await checkpoint()
            now = process_time()
            task_gaps.append(now - last)
            last = now
        rate = sizes.flood / (process_time() - began)
        beating.beats = False
    return {
        "actor_ms": _p99(beating.gaps) * 1000,
        "task_ms": _p99(task_gaps) * 1000,
        "per_s": rate,
    }


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


async def cap(sizes: Sizes) -> dict[str, float]:
    """Many actors activated once each under a cap: resident memory when the cap is reached and at
    the end, in MB, by how much the live blocks of memory grew between, and what an activation
    costs."""
    async with ActorSystem() as system:
        family: VirtualActors[int, int] = system.virtual(
            "cap", lambda _key: Idle(), limit=sizes.cap
        )
        watch, at_cap, blocks = Stopwatch(), 0.0, 0
        for key in range(sizes.keys):
            family.ref(key).tell_nowait(0)
            if key % 64 == 0:
                await family.ref(key).wait_started()
            if key == sizes.cap + sizes.cap // 4:
                at_cap, blocks = _resident_mb(), sys.getallocatedblocks()
        each = watch.microseconds_each(sizes.keys)
        return {
            "growth": sys.getallocatedblocks() / blocks,
            "at_cap_mb": at_cap,
            "end_mb": _resident_mb(),
            "us": each,
        }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


MEASURES: Measures = {
    "tell": tell,
    "ask": ask,
    "ask_crowd": ask_crowd,
    "fan_out": fan_out,
    "spawn": spawn,
    "idle": idle,
    "flood": flood,
    "cap": cap,
}
