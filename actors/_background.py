"""The task of `Actor.run()`: it belongs to one incarnation, and its crash is the actor's crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio

from actors._cell import FAILED
from actors._crash import Crash, Stop
from actors._isolation import in_context

if TYPE_CHECKING:
    from actors._actor import Actor
    from actors._cell import Cell


class Background:
    """A running `Actor.run()`."""

    __slots__ = ("_cell", "_ended", "_scope")

    def __init__(self, cell: Cell, actor: Actor[Any]) -> None:
        self._cell = cell
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        runtime = cell.kind.runtime
        runtime.workers.clean_context().run(runtime.group.start_soon, self._run, actor)

    async def _run(self, actor: Actor[Any]) -> None:
        from actors._incarnation import crash_of

        cell = self._cell
        try:
            with self._scope:
                await in_context(cell.kind.workers.clean_context(), actor.run())
        except BaseException as error:
            crash = crash_of(cell, error)
            if crash is None:
                raise
            if cell.background is self:
                cell.failure = crash
                cell.want(FAILED)
            else:
                cell.kind.runtime.crashed(Crash(cell.name, crash, None, cell.crashes, Stop()))
        finally:
            self._ended.set()

    async def cancel(self) -> None:
        """Cancel the task and wait for its end."""
        self._scope.cancel()
        await self._ended.wait()
