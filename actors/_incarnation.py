"""One incarnation of an actor: its hooks are called, its error judged, its timers and tasks undone.

Rule: each step can be cut short by a kill and taken up again, so a step forgets what it is about to
undo before it awaits anything."""

from __future__ import annotations

from collections.abc import Coroutine
from math import inf
from typing import TYPE_CHECKING, Any

import anyio

from actors._actor import Actor
from actors._cell import HURRY, State
from actors._crash import Crash, Hold, Stop
from actors._errors import StrayCancellation
from actors._isolation import in_context

if TYPE_CHECKING:
    from actors._cell import Cell

GRACE = 1.0
"""Seconds that `stopping()` has in an actor whose time is up."""


def crash_of(cell: Cell, error: BaseException) -> Exception | None:
    """The crash that an exception stands for; None where it is meant for the event loop."""
    if isinstance(error, Exception):
        return error
    backend = cell.kind.runtime.backend
    if isinstance(error, backend.cancelled) and anyio.current_effective_deadline() > -inf:
        backend.absolve()
        stray = StrayCancellation(cell.name)
        stray.__cause__ = error
        return stray
    return None


async def call_hook(cell: Cell, body: Coroutine[Any, Any, None]) -> None:
    await in_context(cell.kind.workers.clean_context(), body)


async def discard(cell: Cell, error: Exception) -> None:
    """Give up a crashed incarnation; `restarting` lets it free what it holds."""
    actor, cell.actor = cell.actor, None
    await _cut_loose(cell)
    if actor is not None and type(actor).restarting is not Actor.restarting:
        await _last_words(cell, actor.restarting(error))


async def retire(cell: Cell) -> None:
    """End a sound incarnation; `stopping` lets it finish."""
    actor, cell.actor = cell.actor, None
    running = cell.state is State.RUNNING
    await _cut_loose(cell)
    if actor is not None and running and type(actor).stopping is not Actor.stopping:
        if cell.wants & HURRY:
            with anyio.move_on_after(GRACE):
                await _last_words(cell, actor.stopping())
        else:
            await _last_words(cell, actor.stopping())


async def _cut_loose(cell: Cell) -> None:
    timers, cell.timers = cell.timers, None
    for timer in timers or ():
        timer.cancel()
    background, cell.background = cell.background, None
    if background is not None:
        await background.cancel()


async def _last_words(cell: Cell, body: Coroutine[Any, Any, None]) -> None:
    try:
        await call_hook(cell, body)
    except BaseException as error:
        crash = crash_of(cell, error)
        if crash is None:
            raise
        cell.kind.runtime.crashed(Crash(cell.name, crash, None, cell.crashes, Stop()))


def may_passivate(cell: Cell) -> bool:
    """Whether an actor without mail has nothing else to do: no timer, no stash, no objection."""
    actor = cell.actor
    if actor is None or cell.state is not State.RUNNING or cell.stash or cell.timers:
        return False
    try:
        return actor.may_passivate()
    except Exception as error:
        cell.kind.runtime.crashed(Crash(cell.name, error, None, cell.crashes, Hold()))
        return False
