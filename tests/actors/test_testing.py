"""The tools for tests: a clock that jumps, and waiting for quiet."""

import asyncio
import socket
import threading
import time

import anyio
import pytest

from actors import ActorSystem
from actors.testing import VirtualTimeLoop, virtual_clock, wait_until_idle
from tests.actors.cast import Nap, Player


@pytest.mark.anyio
async def test_waiting_for_quiet_has_a_deadline(system: ActorSystem) -> None:
    player = system.spawn(Player, name="player")
    player.tell_nowait(Nap(100))
    with pytest.raises(TimeoutError):
        await wait_until_idle(system, timeout=2)


def test_virtual_time_does_not_jump_while_a_socket_has_something() -> None:
    async def main() -> float:
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            loop.call_later(10, theirs.send, b"x")
            loop.add_reader(ours, came.set)
            await asyncio.wait_for(came.wait(), 3600)
            loop.remove_reader(ours)
        return loop.time()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(main()) == pytest.approx(10, abs=0.1)


def test_virtual_time_jumps_over_an_hour_and_waits_for_threads() -> None:
    async def main() -> tuple[float, str]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600)
        name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
        return loop.time(), name

    began = time.monotonic()
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        elapsed, thread = runner.run(main())
    assert elapsed == pytest.approx(3600, abs=1)
    assert thread != threading.current_thread().name
    assert time.monotonic() - began < 10


def test_there_is_a_virtual_clock_for_each_backend() -> None:
    async def main() -> float:
        began = anyio.current_time()
        await anyio.sleep(3600)
        return anyio.current_time() - began

    for backend in ("asyncio", "trio"):
        name, options = virtual_clock(backend)
        elapsed = anyio.run(main, backend=name, backend_options=options)
        assert elapsed == pytest.approx(3600, abs=1)
