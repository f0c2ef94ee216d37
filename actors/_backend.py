"""The few things that anyio has no cheap word for: a one-shot wait, a bare checkpoint, the clock.

Rule: nothing else in the package knows which event loop runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from anyio import get_cancelled_exc_class
from anyio.lowlevel import current_token

if TYPE_CHECKING:
    import trio


class Waiter(Protocol):
    """Awaited by one task, at most once."""

    def __await__(self) -> Generator[Any, Any, None]: ...


@dataclass(frozen=True, slots=True)
class Backend:
    """What the runtime needs of the event loop. `wake` may come before the wait, and twice."""

    waiter: Callable[[], Waiter]
    wake: Callable[[Waiter], None]
    checkpoint: Callable[[], Awaitable[None]]
    now: Callable[[], float]
    call_from_thread: Callable[[Callable[[], object]], object]
    cancelled: type[BaseException]
    absolve: Callable[[], None]
    """Clear a cancellation of the running task that no cancel scope asked for."""


def current_backend() -> Backend:
    """The backend of the running event loop."""
    name = current_token().backend_class.__name__
    return _trio_backend() if name == "TrioBackend" else _asyncio_backend()


def _asyncio_backend() -> Backend:
    loop = asyncio.get_running_loop()

    def wake(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def absolve() -> None:
        task = asyncio.current_task()
        while task is not None and task.cancelling():
            task.uncancel()

    # The plain loop's `time` is a Python method around this function, at twice its price.
    monotonic = getattr(type(loop), "time", None) is asyncio.BaseEventLoop.time
    return Backend(
        waiter=loop.create_future,
        wake=cast(Callable[[Waiter], None], wake),
        checkpoint=lambda: asyncio.sleep(0),
        now=time.monotonic if monotonic else loop.time,
        call_from_thread=loop.call_soon_threadsafe,
        cancelled=get_cancelled_exc_class(),
        absolve=absolve,
    )


class _Parked:
    """A waiter on trio."""

    __slots__ = ("_task", "_woken")

    def __init__(self) -> None:
        self._woken = False
        self._task: trio.lowlevel.Task | None = None

    def __await__(self) -> Generator[Any, Any, None]:
        from trio import lowlevel

        if not self._woken:
            self._task = lowlevel.current_task()
            parked = lowlevel.wait_task_rescheduled(self._abort)  # noqa: ASYNC105 - awaited below
            yield from parked.__await__()

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        from trio import lowlevel

        self._task = None
        return lowlevel.Abort.SUCCEEDED

    def wake(self) -> None:
        from trio import lowlevel

        self._woken = True
        if self._task is not None:
            lowlevel.reschedule(self._task)
            self._task = None


def _trio_backend() -> Backend:
    from trio import lowlevel

    return Backend(
        waiter=_Parked,
        wake=lambda waiter: cast(_Parked, waiter).wake(),
        checkpoint=lowlevel.checkpoint,
        now=lowlevel.current_clock().current_time,
        call_from_thread=lowlevel.current_trio_token().run_sync_soon,
        cancelled=get_cancelled_exc_class(),
        absolve=lambda: None,
    )
