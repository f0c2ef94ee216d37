"""The life of a cell: start, crash, hold, passivate, end. Called by the worker that has the cell.

Rule: what is more urgent comes first, and a cell is only ever in the hands of one worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors._actor import Actor
from actors._background import Background
from actors._cell import (
    FAILED,
    HOLD,
    HURRY,
    KILL,
    PASSIVATE,
    RESUME,
    RETIRE,
    START,
    STOP,
    State,
)
from actors._crash import Crash, Hold, Restart, Stop
from actors._dead_letters import Reason
from actors._errors import ActorCrashed, ActorKilled, UnhandledMessage
from actors._incarnation import call_hook, crash_of, discard, may_passivate, retire
from actors._messages import Envelope

if TYPE_CHECKING:
    from actors._cell import Cell

log = logging.getLogger("actors")

STABLE = 10.0
"""Seconds without a crash after which the next one begins a new row."""


async def attend(cell: Cell) -> bool:
    """See to what is wanted of a cell. True: it may go on with its mail."""
    while wants := cell.wants & ~HURRY:
        resting = cell.state is State.BACKOFF or cell.state is State.HELD
        if cell.worker is not None and cell.worker.scope.cancel_called:
            return False
        if wants & KILL or (wants & RETIRE and resting):
            await _end(cell)
        elif wants & FAILED:
            assert cell.failure is not None
            await _crash(cell, None, cell.failure)
        elif wants & HOLD:
            await retire(cell)
            cell.wants &= ~(HOLD | START | HURRY)
            _rest(cell, State.HELD)
        elif wants & RESUME:
            cell.wants &= ~RESUME
            if resting:
                cell.state = State.NEW
                cell.wants |= START
            cell.wake_waiters()
        elif wants & START:
            cell.wants &= ~START
            await _start(cell)
        elif cell.mail and not resting:
            return True
        elif wants & STOP:
            await _end(cell)
        else:
            await _passivate(cell)
    return cell.state is State.RUNNING


async def failed(cell: Cell, envelope: Envelope, error: BaseException) -> None:
    """Sort out what a handler raised: an answer, a crash, or not ours to keep."""
    blamed = envelope if cell.handling is envelope else None
    cell.handling = None
    if cell.actor is not None and isinstance(error, cell.actor.answers):
        verdict, answer = Reason.REFUSED, error
    elif isinstance(error, UnhandledMessage) and error.message is envelope.message:
        verdict, answer = Reason.UNHANDLED, error
    elif crash := crash_of(cell, error):
        await _crash(cell, blamed, crash)
        return
    elif isinstance(error, cell.kind.runtime.backend.cancelled):
        verdict, answer = Reason.KILLED, ActorKilled(cell.name)
    else:
        verdict, answer = Reason.CRASHED, ActorCrashed(cell.name, error)
    if blamed is not None:
        cell.reject(blamed, verdict, answer)
    if not isinstance(error, Exception):
        raise error


async def _start(cell: Cell) -> None:
    kind = cell.kind
    kind.runtime.resting.discard(cell)
    try:
        actor = cell.actor = kind.make(cell)
        actor._cell = cell
        if type(actor).started is not Actor.started:
            await call_hook(cell, actor.started())
    except BaseException as error:
        crash = crash_of(cell, error)
        if crash is None:
            raise
        await _crash(cell, None, crash)
        return
    cell.state = State.RUNNING
    cell.failure = None
    if type(actor).run is not Actor.run:
        cell.background = Background(cell, actor)
    if cell.stash:
        cell.unstash()
    repeat, cell.repeat = cell.repeat, None
    if repeat is not None:
        cell.push_front(repeat)
    cell.wake_waiters()


async def _crash(cell: Cell, envelope: Envelope | None, error: Exception) -> None:
    runtime = cell.kind.runtime
    cell.wants &= ~FAILED
    told = (
        envelope is not None
        and envelope.ticket is not None
        and envelope.ticket.fail(ActorCrashed(cell.name, error))
    )
    message = envelope.message if envelope is not None else None
    now = runtime.backend.now()
    if now - cell.crashed_at >= STABLE:
        cell.crashes = 0
    cell.crashes += 1
    cell.crashed_at = now
    decision = _decide(cell, message, error)
    repeats = isinstance(decision, Restart) and decision.first is not None
    if envelope is not None and not told and not repeats:
        runtime.letters.record(Reason.CRASHED, cell.name, message)
    runtime.crashed(Crash(cell.name, error, message, cell.crashes, decision))
    if isinstance(decision, Restart) and decision.first is not None:
        cell.repeat = Envelope(decision.first, cell, None, cell.oldest(now), envelope)
    if isinstance(decision, Stop):
        cell.room = 0
        cell.wants |= KILL
    await discard(cell, error)
    cell.failure = error
    if isinstance(decision, Hold):
        _rest(cell, State.HELD)
    elif isinstance(decision, Restart):
        runtime.restarts += 1
        if decision.delay > 0:
            _rest(cell, State.BACKOFF)
            runtime.wheel.add(_Retry(cell), runtime.backend.now() + decision.delay)
        else:
            cell.state = State.NEW
            cell.wants |= START


def _decide(cell: Cell, message: object | None, error: Exception) -> Restart[object] | Stop | Hold:
    try:
        return cell.kind.on_crash(message, error, cell.crashes)
    except Exception:
        log.exception("actors.crash_policy_failed", extra={"actor": cell.name})
        return Stop()


class _Retry:
    """The end of the delay after one crash; a later crash has a delay of its own."""

    __slots__ = ("cell", "crashed_at")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.crashed_at = cell.crashed_at

    def expire(self) -> None:
        cell = self.cell
        if cell.state is State.BACKOFF and cell.crashed_at == self.crashed_at:
            cell.want(RESUME)


def _rest(cell: Cell, state: State) -> None:
    cell.state = state
    cell.kind.runtime.resting.add(cell)
    cell.wake_waiters()


async def _passivate(cell: Cell) -> None:
    """End an idle virtual actor, unless it objects; mail that comes meanwhile starts it again."""
    family = cell.kind.family
    forced = cell.wants & RETIRE
    cell.wants &= ~(PASSIVATE | RETIRE)
    if family is None or not (forced or may_passivate(cell)):
        return
    await retire(cell)
    family.passivated += 1
    if cell.mail or cell.wants:
        cell.state = State.NEW
        cell.wants |= START
        cell.wake_waiters()
    else:
        _ended(cell)


async def _end(cell: Cell) -> None:
    """End for good, or hold where the owner wants it back."""
    await retire(cell)
    if not cell.kind.runtime.stopping and _wanted_back(cell):
        cell.wants &= ~(KILL | STOP | HURRY)
        cell.room = cell.kind.capacity
        _rest(cell, State.HELD)
        return
    _ended(cell)


def _wanted_back(cell: Cell) -> bool:
    try:
        return isinstance(cell.kind.on_exit(), Hold)
    except Exception:
        log.exception("actors.exit_policy_failed", extra={"actor": cell.name})
        return False


def _ended(cell: Cell) -> None:
    cell.room = 0
    cell.wants = 0
    cell.reject_all()
    cell.state = State.ENDED
    cell.kind.runtime.resting.discard(cell)
    cell.kind.ended(cell)
    cell.wake_waiters()
    watchers, cell.watchers = cell.watchers, None
    for watcher, notice in watchers or ():
        watcher.notify(notice)
