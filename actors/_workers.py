"""The run queue and the tasks that empty it: one task for each suspended handler, none for actors.

One worker leads: it takes ready cells and handles their mail. Before it enters a handler that
leaves other cells waiting, it summons a second worker, which runs only once the leader has let go
of the loop: if the leader is then inside a handler, that handler is suspended and the other leads.
(The Leader/Followers pattern of Schmidt and others, 2000, with the event loop as its lock.)

Rule: after 64 messages the next actor has its turn, after half a millisecond the rest of the
loop."""

from __future__ import annotations

from collections import deque
from contextvars import Context, copy_context
from time import perf_counter
from typing import TYPE_CHECKING

import anyio

from actors import _lifecycle
from actors._cell import Cell
from actors._dead_letters import Reason
from actors._errors import ActorStopped
from actors._isolation import in_context
from actors._messages import Envelope, Slip, current, opened

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from actors._backend import Backend, Waiter

BUDGET = 64
"""Messages that one cell may have handled before the next cell has its turn."""
SLICE = 0.0005
"""Seconds between two checkpoints, in real time even where the loop's clock is virtual."""
STRIDE = 8
"""Messages between two looks at the clock, where so many take less than a part of a slice."""
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

    def __init__(self, backend: Backend, group: TaskGroup) -> None:
        self._backend = backend
        self._group = group
        self._base: Context = copy_context()
        self.summoned = False
        self._quiet: list[Waiter] = []
        self.ready: deque[Cell] = deque()
        self.all: set[Worker] = set()
        self.idle: list[Worker] = []
        self.leader: Worker | None = None
        self.handled = 0

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
            self.all.add(worker)
            self.clean_context().run(self._group.start_soon, self._live, worker)

    async def _live(self, worker: Worker) -> None:
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
        ready, base, set_current = self.ready, self._base, current.set
        cell, share, actor, isolated = worker.cell, BUDGET, None, False
        worker.busy = True
        seen = perf_counter()
        until, stride = seen + SLICE, 1
        while True:
            if cell is None or not share % stride:
                before, seen = seen, perf_counter()
                # A look at the clock costs a tenth of a message: short handlers share one.
                stride = STRIDE if seen - before < SLICE / STRIDE else 1
                if seen >= until:
                    if cell is not None:
                        self._release(worker, cell, share)
                        cell = None
                    worker.busy = False
                    await self._backend.checkpoint()
                    worker.busy = True
                    seen = perf_counter()
                    until = seen + SLICE
            if cell is None:
                if self.leader is not worker or not ready:
                    break
                cell = worker.cell = ready.popleft()
                cell.worker = worker
                share, actor = BUDGET, cell.actor
                isolated = actor is not None and actor.isolated
            if ready and not self.summoned:
                self._summon()
            if cell.wants:
                going_on = await _lifecycle.attend(cell)
                if worker.scope.cancel_called:
                    self.handled += BUDGET - share
                    break
                actor = cell.actor if going_on else None
                isolated = actor is not None and actor.isolated
            mail = cell.mail
            if actor is None or not mail:
                self._release(worker, cell, share)
                cell = None
                continue
            item = mail.popleft()
            if cell.line is not None:
                cell.admit()
            here: Envelope | Slip
            if type(item) is Envelope:
                here, message, ticket = item, item.message, item.ticket
                cell.since = item.enqueued
                if ticket is not None and ticket.done:
                    cell.reject(item, Reason.EXPIRED, ActorStopped(cell.name))
                    continue
            else:
                here, message, ticket = [item, cell, cell.since], item, None
            cell.handling = here
            try:
                if isolated:
                    context = base.copy()
                    context.run(set_current, here)
                    result = await in_context(context, actor.receive(message))
                else:
                    set_current(here)
                    result = await actor.receive(message)
            except BaseException as error:
                await _lifecycle.failed(cell, opened(here), error)
                actor = cell.actor
            else:
                if ticket is not None and cell.handling is here:
                    ticket.resolve(result)
                if cell.crashes:
                    cell.crashes = 0
            cell.handling = None
            share -= 1
            leader = self.leader
            if leader is not worker and (leader is None or leader.busy):
                leader = self.leader = worker
            if not share or not mail or leader is not worker:
                self._release(worker, cell, share)
                cell = None

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
