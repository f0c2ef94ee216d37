"""For tests of actors: a probe to talk to, a way to wait for quiet, and clocks that jump.

Rule: a test never sleeps for luck. With a virtual clock a delay of an hour costs nothing, and
passes exactly when nothing else is left to do."""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import anyio

from actors._actor import Actor
from actors._cell import State
from actors._mailbox import Mailbox

if TYPE_CHECKING:
    from actors._ref import ActorRef
    from actors._system import ActorSystem

M = TypeVar("M")


class Probe(Generic[M]):
    """An actor that keeps what it is told for a test to look at."""

    def __init__(self, system: ActorSystem, name: str = "probe", capacity: int = 1024) -> None:
        self.messages: deque[M] = deque()
        self._came = anyio.Event()
        self.ref: ActorRef[M] = system.spawn(
            lambda: _Keeper(self), name=name, mailbox=Mailbox(capacity)
        )

    async def receive(self, *, timeout: float = 5.0) -> M:
        """The next message; TimeoutError where none comes within `timeout` seconds."""
        with anyio.fail_after(timeout):
            while not self.messages:
                await self._came.wait()
        return self.messages.popleft()

    def _keep(self, message: M) -> None:
        self.messages.append(message)
        self._came.set()
        self._came = anyio.Event()


class _Keeper(Actor[M]):
    def __init__(self, probe: Probe[M]) -> None:
        self._probe = probe

    async def receive(self, message: M) -> None:
        self._probe._keep(message)


async def wait_until_idle(system: ActorSystem, *, timeout: float = 5.0) -> None:
    """Return when no message waits, no handler runs and no restart is due.

    TimeoutError where that is not so within `timeout` seconds on the loop's clock."""
    runtime = system._runtime
    with anyio.fail_after(timeout):
        while True:
            await runtime.workers.wait_quiet()
            if not any(cell.state is State.BACKOFF for cell in runtime.resting):
                return
            await anyio.sleep(0.01)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop whose clock jumps to the next timer when nothing else is left to do.

    Use it as `anyio_backend = ("asyncio", {"loop_factory": VirtualTimeLoop})`. Threads and sockets
    run in real time, so a test that waits for them needs the ordinary loop."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def jump(self, seconds: float) -> None:
        """Move the clock forward."""
        self._elapsed += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """Where the real selector would sleep until a timer, jump there."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._loop.jump(timeout)
        return ready


def virtual_clock(backend: str) -> tuple[str, dict[str, Any]]:
    """A fresh value for the `anyio_backend` fixture: "asyncio" or "trio" with a jumping clock."""
    if backend == "asyncio":
        return "asyncio", {"loop_factory": VirtualTimeLoop}
    from trio.testing import MockClock

    return "trio", {"clock": MockClock(autojump_threshold=0)}
