"""Grace: what is in hand when a stop comes is finished, within a deadline.

The rule: a cancellation is never lost, it is only told a little later.
"""

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskStatus

GRACE = 3.0
"""Seconds that a stop leaves to what is in hand; a stop of a child waits for five."""


class Grace:
    """Runs work that a cancellation does not cut in two.

    `ending` tells the work that a stop has come, and that it shall begin nothing more.
    """

    def __init__(self, seconds: float = GRACE) -> None:
        self._seconds = seconds
        self.ending = False

    async def over(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work; once it is cancelled it has so many seconds. Raises what the work raises."""
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            with anyio.CancelScope(shield=True) as shield:
                watch = await group.start(self._until_cancelled, shield)
                try:
                    await work()
                except Exception as error:
                    failure = error
            watch.cancel()
        if failure is not None:
            raise failure

    async def _until_cancelled(
        self,
        shield: anyio.CancelScope,
        *,
        task_status: TaskStatus[anyio.CancelScope] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Wait for the cancellation of the one who works, or for the end of the work."""
        with anyio.CancelScope() as watch:
            task_status.started(watch)
            try:
                await anyio.sleep_forever()
            finally:
                if not watch.cancel_called:
                    self.ending = True
                    shield.deadline = anyio.current_time() + self._seconds
