"""Whatever ends a system from within or from without, a tree in it ends too, and then the process.

Each end is met in a process of its own, because a tree that waits for ever can't be called off.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from actors import Actor, ActorSystem
from supervision import Child, Supervisor, run_tree

ROOT = Path(__file__).parents[2]
IN_TIME = 30.0
"""Seconds: far more than a process needs that waits for nothing."""


class Alarm(BaseException):
    """What no actor and no supervisor keeps to itself."""


class Guest(Actor[str]):
    """Stays, or ends everything."""

    async def receive(self, message: str) -> None:
        match message:
            case "stay":
                await anyio.sleep_forever()
            case "raise":
                raise Alarm
            case "exit":
                sys.exit("bye")
            case "leave a task that exits":
                self.task = asyncio.get_running_loop().create_task(leave())


async def leave() -> None:
    sys.exit("bye")


async def until_its_end(way: str) -> None:
    """Run a tree in which every worker waits in a handler; then meet the end."""
    guests = [str(number) for number in range(6)]
    spec = Supervisor("top", tuple(Child(name, Guest) for name in guests))
    with anyio.CancelScope() as scope:
        async with ActorSystem() as system, run_tree(system, spec) as tree:
            for busy, name in enumerate(guests[:4], 1):
                tree.ref(name).tell_nowait("stay")
                while system.snapshot().busy < busy:
                    await anyio.lowlevel.checkpoint()
            for name in guests[4:]:
                tree.ref(name).tell_nowait(way)
            if way == "cancel":
                scope.cancel()
            await anyio.sleep_forever()


@pytest.mark.parametrize(
    ("backend", "way", "code"),
    [
        *((backend, "cancel", 0) for backend in ("asyncio", "trio")),
        *((backend, way, 1) for backend in ("asyncio", "trio") for way in ("raise", "exit")),
        ("asyncio", "leave a task that exits", 1),
    ],
)
def test_a_tree_ends_with_its_system_however_that_ends(backend: str, way: str, code: int) -> None:
    command = [sys.executable, "-m", "tests.supervision.test_ends", backend, way]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=IN_TIME, check=False)
    assert ended.returncode == code, ended.stderr.decode()


if __name__ == "__main__":
    anyio.run(until_its_end, sys.argv[2], backend=sys.argv[1])
