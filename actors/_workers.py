"""The run queue and the tasks that empty it: one task for each suspended handler, none for actors.

One worker leads: it takes ready cells and handles their mail. Before it enters a handler that
leaves other cells waiting, it summons a second worker, which runs only once the leader has let go
of the loop: if the leader is then inside a handler, that handler is suspended and the other leads.
(The Leader/Followers pattern of Schmidt and others, 2000, with the event loop as its lock.)

Rule: after 64 messages the next actor has its turn, after half a millisecond the rest of the
loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Any

import anyio

from actors import _lifecycle
from actors._cell import Cell
from actors._dead_letters import Reason
from actors._durations import Histogram
from actors._errors import ActorStopped
from actors._isolation import in_context
from actors._messages import Envelope, Slip, current, get_current, opened

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from actors._actor import Actor
    from actors._backend import Backend, Waiter

BUDGET = 64
"""Messages that one cell may have handled before the next cell has its turn."""
SLICE = 0.0005
"""Seconds between two checkpoints, in real time even where the loop's clock is virtual."""
GLANCE = SLICE / 16
"""Seconds between two looks at the clock, each of which costs a tenth of a short message; how many
messages that is follows from how long the last ones took."""
PACE = 0.0001
"""Seconds from one message that is timed to the next."""
SPARE = 256
"""Idle workers kept; a worker that finds so many ends."""


class Worker:
    """One task. `busy`: at work on a cell, so where it is suspended it is in a handler or hook."""

    __slots__ = ("busy", "cell", "scope", "waiter")

    def __init__(self, waiter: Waiter) -> None:
        self.busy = False
        self.cell: Cell | None = None
        self.waiter = waiter
        self.scope = anyio.CancelScope()


class Workers:
    """The run queue of one system and its worker tasks."""

    def __init__(self, backend: Backend, group: TaskGroup, abandon: Callable[[], None]) -> None:
        self._backend = backend
        self._group = group
        self._abandon = abandon
        self._base: Context = copy_context()
        self.summoned = False
        self._quiet: list[Waiter] = []
        self.ready: deque[Cell] = deque()
        self.all: set[Worker] = set()
        self.idle: list[Worker] = []
        self.leader: Worker | None = None
        self.handled = 0
        self.waits = Histogram()
        self.handlings = Histogram()
        self._due = 0.0

    def call(self) -> None:
        """See to it that somebody looks at the run queue, to which a cell was just added."""
        if not self.summoned and (self.leader is None or self.leader.busy):
            self._summon()

    def clean_context(self) -> Context:
        """The context in which the system was started, free of any handler's variables."""
        return self._base.copy()

    def _summon(self) -> None:
        self.summoned = True
        if self.idle:
            self._backend.wake(self.idle.pop().waiter)
        else:
            worker = Worker(self._backend.waiter())
            self.clean_context().run(self._group.start_soon, self._live, worker)

    async def _live(self, worker: Worker) -> None:
        # Not earlier: asyncio cancels a task before its first step without a word to it.
        self.all.add(worker)
        self.summoned = False
        try:
            ended = False
            while not ended:
                # A kill cancels this scope; the next round sees to the cell that was killed.
                with anyio.CancelScope() as worker.scope:
                    ended = await self._work(worker)
        finally:
            self.all.discard(worker)
            self._tell_quiet()
            if not self.all:
                # Only the end of the system's task group takes the last one away; one that was
                # summoned before may come after it, and must find nothing to do.
                self.ready.clear()
                self._abandon()

    async def _work(self, worker: Worker) -> bool:
        """Lead whenever nobody else does. False: the scope is spent. True: enough workers."""
        while True:
            if self.leader is None or self.leader.busy:
                self.leader = worker
            if self.leader is worker or worker.cell is not None:
                await self._lead(worker)
                if worker.scope.cancel_called:
                    return False
            if self.leader is worker:
                self.leader = None
            if len(self.idle) >= SPARE:
                return True
            await self._rest(worker)
            self.summoned = False

    async def _lead(self, worker: Worker) -> None:
        """Empty the run queue, message by message, for as long as nobody else leads.

        Everything between two messages is here, because each call would cost as much as a
        message does."""
        ready, set_current = self.ready, current.set
        cell, share, actor = worker.cell, BUDGET, None
        worker.busy = True
        seen = perf_counter()
        until, stride, unseen, timed = seen + SLICE, 1, 1, False
        while cell is not None or (ready and self.leader is worker):
            if unseen < 1:
                before, seen = seen, perf_counter()
                stride = min(stride * 2, BUDGET) if seen - before < GLANCE else stride // 2 or 1
                unseen = stride
                if timed:
                    timed = False
                    self.handlings.add(seen - before)
                if seen + GLANCE > until:
                    if cell is not None:
                        self._release(worker, cell, share)
                        cell = None
                    worker.busy = False
                    await self._backend.checkpoint()
                    worker.busy = True
                    seen = perf_counter()
                    until = seen + SLICE
                    continue
            if cell is None:
                cell = worker.cell = ready.popleft()
                cell.worker = worker
                share, actor = BUDGET, cell.actor
            if ready and not self.summoned:
                self._summon()
            if cell.wants:
                going_on = await _lifecycle.attend(cell)
                if worker.scope.cancel_called:
                    self.handled += BUDGET - share
                    break
                actor = cell.actor if going_on else None
            mail = cell.mail
            if actor is None or not mail:
                self._release(worker, cell, share)
                cell = None
                unseen -= 1
                continue
            if seen >= self._due:
                seen, unseen, timed = self._time(cell), 1, True
            receive = self._isolated(actor) if actor.isolated else actor.receive
            run = unseen if unseen < share else share
            for done in range(1, run + 1):  # noqa: B007 - how many it were is asked after it
                item = mail.popleft()
                if cell.line is not None:
                    cell.admit()
                here: Envelope | Slip
                if type(item) is Envelope:
                    here, message, ticket = item, item.message, item.ticket
                    cell.since = item.enqueued
                    if ticket is not None and ticket.done:
                        cell.reject(item, Reason.EXPIRED, ActorStopped(cell.name))
                        self.handled -= 1
                        break
                else:
                    here, message, ticket = [item, cell, cell.since], item, None
                cell.handling = here
                set_current(here)
                try:
                    result = await receive(message)
                except BaseException as error:
                    await _lifecycle.failed(cell, opened(here), error)
                    actor = cell.actor
                    break
                if ticket is not None and cell.handling is here:
                    ticket.resolve(result)
                if cell.crashes:
                    cell.crashes = 0
                if not mail or cell.wants or self.leader is not worker:
                    break
            cell.handling = None
            share -= done
            unseen -= done
            leader = self.leader
            if leader is not worker and (leader is None or leader.busy):
                leader = self.leader = worker
            if not share and not ready:
                # Nobody else has waited for a turn.
                self.handled += BUDGET
                share = BUDGET
            if not share or not mail or leader is not worker:
                self._release(worker, cell, share)
                cell = None
        if timed:
            self.handlings.add(perf_counter() - seen)

    def _time(self, cell: Cell) -> float:
        """Note how long the next message has waited; the time from when its handling counts."""
        now = self._backend.now()
        self.waits.add(now - cell.oldest(now))
        seen = perf_counter()
        self._due = seen + PACE
        return seen

    def _isolated(self, actor: Actor[Any]) -> Callable[[Any], Awaitable[object]]:
        """What `actor.receive` does, with a context of its own for each message."""

        def receive(message: object) -> Awaitable[object]:
            context = self.clean_context()
            context.run(current.set, get_current())
            return in_context(context, actor.receive(message))

        return receive

    def _release(self, worker: Worker, cell: Cell, share: int) -> None:
        """Let go of a cell: back to the run queue if it has more to do, else to sleep. `share` is
        what is left of its budget."""
        self.handled += BUDGET - share
        worker.cell = cell.worker = None
        if not cell.mail:
            cell.mail = None
        if cell.wants or (cell.mail and cell.actor is not None):
            cell.stamp()
            self.ready.append(cell)
            return
        cell.scheduled = False
        if cell.kind.family is not None:
            cell.kind.family.touch(cell)

    async def _rest(self, worker: Worker) -> None:
        current.set(None)
        worker.waiter = self._backend.waiter()
        self.idle.append(worker)
        self._tell_quiet()
        await worker.waiter

    def _tell_quiet(self) -> None:
        if self._quiet and self.quiet():
            for waiter in self._quiet:
                self._backend.wake(waiter)
            self._quiet.clear()

    def quiet(self) -> bool:
        """No cell is ready and no worker is at work."""
        return not self.ready and len(self.idle) == len(self.all)

    async def wait_quiet(self) -> None:
        """Return when no cell is ready and no worker is at work."""
        while not self.quiet():
            waiter = self._backend.waiter()
            self._quiet.append(waiter)
            await waiter
