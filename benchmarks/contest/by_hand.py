"""What plain asyncio allows: a deque for each actor, one run queue, recycled worker tasks.

A bound and no product: no envelope, no names, no supervision, no dead letters, no metrics. It has
what an actor cannot do without: a capacity, one message at a time, a real `await` of an async
handler inside a task, a budget of 64 messages, and for an ask a deadline in a timer wheel.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from benchmarks.contest.sizes import BURST, Measures, Sizes, Stopwatch

CAPACITY = 1024
BUDGET = 64
SLOT = 0.05


class Cell:
    """An actor: a handler, and a queue while there is mail."""

    __slots__ = ("handler", "queue", "scheduled")

    def __init__(self, handler: Callable[[object], Awaitable[None]]) -> None:
        self.handler = handler
        self.queue: deque[object] | None = None
        self.scheduled = False


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
    """The run queue and its tasks; a second worker comes when the first is suspended."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: deque[Cell] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._called = False
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
            if not self._called:
                self._call()

    async def ask(self, cell: Cell, message: object, timeout: float) -> object:
        future: asyncio.Future[object] = self._loop.create_future()
        self.tell(cell, (message, future))
        slot = self.wheel.add(future, timeout)
        try:
            return await future
        finally:
            self.wheel.discard(future, slot)

    def _call(self) -> None:
        self._called = True
        if self._idle:
            self._idle.pop().set_result(None)
        else:
            task = self._loop.create_task(self._work())
            self._tasks.add(task)

    async def _work(self) -> None:
        ready = self._ready
        while True:
            while ready:
                cell = ready.popleft()
                queue, handler, budget = cell.queue, cell.handler, BUDGET
                assert queue is not None
                while queue and budget:
                    budget -= 1
                    await handler(queue.popleft())
                if queue:
                    ready.append(cell)
                    await asyncio.sleep(0)
                else:
                    cell.scheduled = False
                    cell.queue = None
            self._called = False
            future: asyncio.Future[None] = self._loop.create_future()
            self._idle.append(future)
            await future


async def tell(sizes: Sizes) -> dict[str, float]:
    """To one actor, in bursts."""
    workers, done = Workers(), asyncio.Event()

    async def handle(message: object) -> None:
        if message == BURST:
            done.set()

    cell = Cell(handle)
    watch = Stopwatch()
    for _ in range(sizes.messages // BURST):
        for number in range(1, BURST + 1):
            workers.tell(cell, number)
        await done.wait()
        done.clear()
    return watch.per_second(sizes.messages)


async def _answer(message: object) -> None:
    _question, future = message  # type: ignore[misc]
    if not future.done():  # type: ignore[has-type]
        future.set_result(1)  # type: ignore[has-type]


async def ask(sizes: Sizes) -> dict[str, float]:
    """One after the other."""
    workers, cell = Workers(), Cell(_answer)
    watch = Stopwatch()
    for number in range(sizes.asks):
        await workers.ask(cell, number, 5)
    return watch.per_second(sizes.asks)


async def ask_crowd(sizes: Sizes) -> dict[str, float]:
    """A thousand askers of one actor."""
    workers, cell = Workers(), Cell(_answer)

    async def asker() -> None:
        for number in range(sizes.asks // sizes.askers):
            await workers.ask(cell, number, 5)

    watch = Stopwatch()
    await asyncio.gather(*(asker() for _ in range(sizes.askers)))
    return watch.per_second(sizes.asks)


async def fan_out(sizes: Sizes) -> dict[str, float]:
    """To many actors in turn, again and again."""
    workers, done, left = Workers(), asyncio.Event(), sizes.actors * sizes.rounds

    async def handle(message: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    cells = [Cell(handle) for _ in range(sizes.actors)]
    watch = Stopwatch()
    for number in range(sizes.rounds):
        for cell in cells:
            workers.tell(cell, number)
    await done.wait()
    return watch.per_second(sizes.actors * sizes.rounds)


MEASURES: Measures = {"tell": tell, "ask": ask, "ask_crowd": ask_crowd, "fan_out": fan_out}
