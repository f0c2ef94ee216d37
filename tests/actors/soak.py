"""A storm of messages over actors that crash, stop, hold and are cancelled, and what it leaves.

`python -m tests.actors.soak --messages 1000000 --seed 1` runs the long form on each event loop, in
virtual time. Rule: what is measured is measured at rest, when every sender is done and every idle
actor is gone, so whatever grows from rest to rest is a leak."""

import argparse
import asyncio
import gc
import logging
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import anyio
import trio

from actors import (
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    Mailbox,
    Message,
    Overflow,
    Restart,
    Stop,
    VirtualActors,
)
from actors.testing import virtual_clock

KEYS = 30
"""Keys of the family, of whom fewer may live at a time."""
PEOPLE = 40
"""Senders at a time."""
RESTS = 10
"""How often a storm pauses to be measured."""
QUIET = 60
"""Seconds of such a pause, on the virtual clock: longer than any deadline of the storm, so that
no timer is left to be counted."""


class Spin(Message[int]):
    """Answered with 1, perhaps later, perhaps by way of another actor, perhaps never."""


class Spinner(Actor[Spin]):
    def __init__(self, storm: "Storm") -> None:
        self.storm = storm
        self.chance = storm.chance

    async def started(self) -> None:
        if self.chance.random() < 0.05:
            raise ConnectionError("cannot start")
        if self.chance.random() < 0.2:
            self.after(self.chance.random(), Spin())

    async def run(self) -> None:
        await anyio.sleep(self.chance.expovariate(0.2))
        if self.chance.random() < 0.3:
            raise OSError("lost")

    async def receive(self, message: Spin) -> int:
        self.storm.received += 1
        fate = self.chance.random()
        if fate < 0.05:
            await anyio.sleep(self.chance.random())
        elif fate < 0.07:
            raise ValueError("bad luck")
        elif fate < 0.1:
            return await self.storm.anybody().ask(Spin(), timeout=2)
        return 1

    async def stopping(self) -> None:
        await anyio.sleep(self.chance.random() / 10)


@dataclass(frozen=True, slots=True)
class Rest:
    """A measurement: messages received so far, objects alive, the process's peak memory in MiB."""

    received: int
    objects: int
    peak: float


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What a storm left. `outcomes` counts what became of sending each message."""

    rests: tuple[Rest, ...]
    outcomes: Counter[str]
    crashes: int
    tasks: int

    def grows(self) -> bool:
        """Whether the second half of the storm needed more than the first."""
        half = len(self.rests) // 2
        before = max(rest.objects for rest in self.rests[:half])
        return max(rest.objects for rest in self.rests[half:]) > before * 1.02 + 200


class Storm:
    """Sends to a few dozen actors, none of whom it treats well, until `messages` are received."""

    def __init__(self, seed: int, messages: int) -> None:
        self.chance = random.Random(seed)
        self.messages = messages
        self.received = 0
        self.outcomes: Counter[str] = Counter()
        self.spawned = 0
        self.system: ActorSystem
        self.family: VirtualActors[int, Spin]
        self.steady: list[ActorRef[Spin]] = []

    def anybody(self) -> ActorRef[Spin]:
        if self.chance.random() < 0.2:
            return self.chance.choice(self.steady)
        return self.family.ref(self.chance.randrange(KEYS))

    async def rage(self) -> tuple[list[Rest], int]:
        async with ActorSystem(drain=3) as self.system:
            self.family = self.system.virtual(
                "family", lambda _: Spinner(self), idle=3, limit=20, mailbox=Mailbox(64)
            )
            self.steady = [
                self.system.spawn(
                    partial(Spinner, self),
                    name=f"steady {overflow.value}",
                    mailbox=Mailbox(16, overflow),
                    on_crash=lambda *_: Restart(delay=self.chance.random()),
                )
                for overflow in Overflow
            ]
            rests = [await self._until(self.messages * (n + 1) // RESTS) for n in range(RESTS)]
            crashes = self.system.snapshot().crashes
        self.steady.clear()
        return rests, crashes

    async def _until(self, total: int) -> Rest:
        """Send until so many messages are received, then wait until all is quiet."""
        async with anyio.create_task_group() as group:
            for _ in range(PEOPLE):
                group.start_soon(self._person, total)
        await anyio.sleep(QUIET)
        gc.collect()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return Rest(self.received, len(gc.get_objects()), peak)

    async def _person(self, total: int) -> None:
        deeds: list[Callable[[], Awaitable[None]]] = [
            self._burst, self._ask, self._ask, self._tell, self._stop, self._hold, self._spawn
        ]  # fmt: skip
        while self.received < total:
            await self.chance.choice(deeds)()
            await anyio.sleep(self.chance.random() / 50)

    def _note(self, outcome: str) -> None:
        self.outcomes[outcome] += 1

    async def _burst(self) -> None:
        target = self.anybody()
        for _ in range(self.chance.randrange(40)):
            try:
                target.tell_nowait(Spin())
                self._note("told")
            except ActorError as error:
                self._note(type(error).__name__)

    async def _impatiently(self, send: Callable[[], Awaitable[object]], done: str) -> None:
        """Send and wait, in a scope that is sometimes cancelled first."""
        outcome = "cancelled"
        with anyio.move_on_after(self.chance.choice([0.0, 0.1, 1, 50])):
            try:
                await send()
                outcome = done
            except ActorError as error:
                outcome = type(error).__name__
        self._note(outcome)

    async def _ask(self) -> None:
        timeout = self.chance.choice([0.2, 5, 50])
        await self._impatiently(partial(self.anybody().ask, Spin(), timeout=timeout), "answered")

    async def _tell(self) -> None:
        await self._impatiently(partial(self.anybody().tell, Spin()), "told")

    async def _stop(self) -> None:
        key = self.chance.randrange(KEYS)
        await self.family.ref(key).stop(timeout=self.chance.random())

    async def _hold(self) -> None:
        steady = self.chance.choice(self.steady)
        await steady.hold(timeout=self.chance.random())
        try:
            await steady.resume()
        except ActorError:
            return

    async def _spawn(self) -> None:
        self.spawned += 1
        short = self.system.spawn(
            partial(Spinner, self), name=f"short {self.spawned}", on_crash=lambda *_: Stop()
        )
        await self._impatiently(partial(short.ask, Spin(), timeout=1), "answered")
        await short.stop(timeout=self.chance.random())


def tasks_left() -> int:
    """Tasks beside the one that asks; called in the main function of a run."""
    try:
        return len(asyncio.all_tasks()) - 1
    except RuntimeError:
        main = trio.lowlevel.current_task()
        return sum(len(nursery.child_tasks) for nursery in main.child_nurseries)


def soak(backend: str, seed: int, messages: int) -> Aftermath:
    """One storm on an event loop of its own."""
    storm = Storm(seed, messages)

    async def main() -> Aftermath:
        rests, crashes = await storm.rage()
        return Aftermath(tuple(rests), storm.outcomes, crashes, tasks_left())

    name, options = virtual_clock(backend)
    return anyio.run(main, backend=name, backend_options=options)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.actors.soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backend", choices=["asyncio", "trio", "both"], default="both")
    options = parser.parse_args()
    logging.getLogger("actors").disabled = True
    backends = ["asyncio", "trio"] if options.backend == "both" else [options.backend]
    sound = True
    for backend in backends:
        began = time.monotonic()
        after = soak(backend, options.seed, options.messages)
        took = time.monotonic() - began
        print(f"{backend}: {after.crashes} crashes in {took:.0f} s")
        for rest in after.rests:
            print(
                f"  {rest.received:>9} received: {rest.objects} objects, peak {rest.peak:.1f} MiB"
            )
        print("  " + ", ".join(f"{name} {count}" for name, count in after.outcomes.most_common()))
        print(f"  {after.tasks} tasks left; memory {'GROWS' if after.grows() else 'is stable'}")
        sound = sound and after.tasks == 0 and not after.grows()
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
