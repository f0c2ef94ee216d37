"""What plain asyncio allows: a deque for each actor, one run queue, recycled worker tasks.

A bound and no product: no envelope, no names, no supervision, no dead letters, no metrics. It has
what an actor cannot do without: a capacity, one message at a time, a real `await` of an async
method inside a task, a turn of 64 messages, another worker where a handler is suspended, and for
an ask a deadline in a timer wheel.
"""

import asyncio
from collections import deque
from typing import Protocol

from benchmarks.contest.sizes import BURST, Measures, Sizes, Stopwatch

CAPACITY = 1024
BUDGET = 64
SLOT = 0.05


class Handler(Protocol):
    """What an actor does."""

    async def receive(self, message: object) -> object: ...


class Cell:
    """An actor: a handler, and a queue while there is mail."""

    __slots__ = ("actor", "queue", "scheduled")

    def __init__(self, actor: Handler) -> None:
        self.actor = actor
        self.queue: deque[object] | None = None
        self.scheduled = False


class Question:
    """A message whose sender waits."""

    __slots__ = ("future", "message")

    def __init__(self, message: object, future: "asyncio.Future[object]") -> None:
        self.message = message
        self.future = future


class Wheel:
    """Deadlines by slots of 50 ms, each with one timer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, set[asyncio.Future[object]]] = {}

    def add(self, future: "asyncio.Future[object]", timeout: float) -> int:
        slot = int((self._loop.time() + timeout) / SLOT) + 1
        bucket = self._slots.get(slot)
        if bucket is None:
            bucket = self._slots[slot] = set()
            self._loop.call_at(slot * SLOT, self._expire, slot)
        bucket.add(future)
        return slot

    def discard(self, future: "asyncio.Future[object]", slot: int) -> None:
        self._slots[slot].discard(future)

    def _expire(self, slot: int) -> None:
        for future in self._slots.pop(slot):
            future.set_exception(TimeoutError())


class Workers:
    """The run queue and its tasks."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Cell] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = False
        self.wheel = Wheel()

    def tell(self, cell: Cell, message: object) -> None:
        queue = cell.queue
        if queue is None:
            queue = cell.queue = deque()
        elif len(queue) >= CAPACITY:
            raise OverflowError
        queue.append(message)
        if not cell.scheduled:
            cell.scheduled = True
            self._ready.append(cell)
            if not self._at_work:
                self._call()

    async def ask(self, cell: Cell, message: object, timeout: float) -> object:
        future: asyncio.Future[object] = self._loop.create_future()
        self.tell(cell, Question(message, future))
        slot = self.wheel.add(future, timeout)
        try:
            return await future
        finally:
            self.wheel.discard(future, slot)

    def _call(self) -> None:
        self._at_work = True
        if self._idle:
            self._idle.pop().set_result(None)
        else:
            self._tasks.add(self._loop.create_task(self._work()))

    def _guard(self) -> None:
        """The loop has come round: whoever was at work is inside a handler that waits."""
        self._at_work = False
        if self._ready:
            self._call()

    async def _work(self) -> None:
        ready = self._ready
        while True:
            guard = self._loop.call_soon(self._guard)
            while ready:
                cell = ready.popleft()
                queue, budget = cell.queue, BUDGET
                assert queue is not None
                while queue and budget:
                    budget -= 1
                    message = queue.popleft()
                    if message.__class__ is Question:
                        result = await cell.actor.receive(message.message)
                        if not message.future.done():
                            message.future.set_result(result)
                    else:
                        await cell.actor.receive(message)
                if queue:
                    ready.append(cell)
                    await asyncio.sleep(0)
                else:
                    cell.scheduled = False
                    cell.queue = None
            guard.cancel()
            self._at_work = False
            future: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(future)
            await future


class Counting:
    """Sets an event when it has handled so many messages."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total
        self.done = asyncio.Event()

    async def receive(self, _message: object) -> None:
        self.left -= 1
        if not self.left:
            self.left = self.total
            self.done.set()


class Answering:
    """Answers with a number."""

    async def receive(self, _message: object) -> int:
        return 1


async def tell(sizes: Sizes) -> dict[str, float]:
    """To one actor, in bursts."""
    workers, actor = Workers(), Counting(BURST)
    cell = Cell(actor)
    watch = Stopwatch()
    for _ in range(sizes.messages // BURST):
        for number in range(BURST):
            workers.tell(cell, number)
        await actor.done.wait()
        actor.done.clear()
    return watch.per_second(sizes.messages)


async def ask(sizes: Sizes) -> dict[str, float]:
    """One after the other."""
    workers, cell = Workers(), Cell(Answering())
    watch = Stopwatch()
    for number in range(sizes.asks):
        await workers.ask(cell, number, 5)
    return watch.per_second(sizes.asks)


async def ask_crowd(sizes: Sizes) -> dict[str, float]:
    """A thousand askers of one actor."""
    workers, cell = Workers(), Cell(Answering())

    async def asker() -> None:
        for number in range(sizes.asks // sizes.askers):
            await workers.ask(cell, number, 5)

    watch = Stopwatch()
    await asyncio.gather(*(asker() for _ in range(sizes.askers)))
    return watch.per_second(sizes.asks)


async def fan_out(sizes: Sizes) -> dict[str, float]:
    """To many actors in turn, again and again."""
    workers, counter = Workers(), Counting(sizes.actors * sizes.rounds)
    cells = [Cell(Part(counter)) for _ in range(sizes.actors)]
    watch = Stopwatch()
    for number in range(sizes.rounds):
        for cell in cells:
            workers.tell(cell, number)
    await counter.done.wait()
    return watch.per_second(sizes.actors * sizes.rounds)


class Part:
    """One of many that count together."""

    def __init__(self, counter: Counting) -> None:
        self.counter = counter

    async def receive(self, _message: object) -> None:
        counter = self.counter
        counter.left -= 1
        if not counter.left:
            counter.done.set()


MEASURES: Measures = {"tell": tell, "ask": ask, "ask_crowd": ask_crowd, "fan_out": fan_out}
