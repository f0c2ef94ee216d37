"""`yabot demo` as a newcomer starts it, on private ports and in a folder of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import anyio.to_thread

from tests.processes import ROOT, free_port
from tests.waiting import until


@dataclass
class Demo:
    """The demo's process; it can be stopped and started again."""

    folder: Path
    sandbox_port: int = field(default_factory=free_port)
    api_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The chat page."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    async def start(self) -> None:
        """Start, and return when the bot takes updates."""
        process = self.process = self._launch()
        async with aiohttp.ClientSession() as client:

            async def ready() -> bool:
                assert process.poll() is None, (self.folder / "demo.log").read_text()
                try:
                    async with client.get(f"http://127.0.0.1:{self.api_port}/readyz") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(ready, deadline=60)

    def _launch(self) -> subprocess.Popen[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "SANDBOX_PORT": str(self.sandbox_port),
            "API_PORT": str(self.api_port),
        }
        with (self.folder / "demo.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "yabot", "demo"],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        with anyio.fail_after(30):
            return await anyio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)


@asynccontextmanager
async def running_demo(folder: Path) -> AsyncIterator[Demo]:
    """A demo that runs, and is ended with the block."""
    demo = Demo(folder)
    try:
        await demo.start()
        yield demo
    finally:
        if demo.process is not None and demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()
