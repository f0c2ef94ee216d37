"""The tasks that drain lanes, side by side.

The rule: a stop ends at once what only waits, and leaves a grace to what is under way. One that
fails fails them all: its error is kept, and whoever started them is told.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine


class Drains:
    """One task a lane. `failed` is called when one of them has ended with an error."""

    def __init__(self, failed: Callable[[], None]) -> None:
        self.stopping = False
        self.failure: BaseException | None = None
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, lane: str, work: Coroutine[object, object, None]) -> None:
        """Begin to drain a lane that has no task."""
        task = self._tasks[lane] = asyncio.create_task(work)
        task.add_done_callback(lambda ended: self._ended(lane, ended))

    async def stop(self, under_way: Collection[str], grace: float) -> None:
        """End the tasks; those of the lanes `under_way` get `grace` seconds to end themselves."""
        self.stopping = True
        for lane, task in self._tasks.items():
            if lane not in under_way:
                task.cancel()
        await self._wait(grace)
        for task in self._tasks.values():
            task.cancel()
        await self._wait(None)

    async def _wait(self, seconds: float | None) -> None:
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)

    def _ended(self, lane: str, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(lane) is task:
            del self._tasks[lane]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failure = self.failure or error
            self._failed()
