"""Real processes for tests: the bot and the local Telegram, on private ports, always stopped.

A process is ended by its own handle and never by name.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import anyio
import anyio.to_thread

from tests.waiting import until

ROOT = Path(__file__).parent.parent
TOKEN = "4242:token-of-the-tests"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class BotProcess:
    """`yabot run` as an operator starts it, with a database and ports of its own."""

    folder: Path
    telegram_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    api_port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def database(self) -> Path:
        return self.folder / "yabot.db"

    @property
    def log(self) -> Path:
        return self.folder / "bot.log"

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": self.telegram_url,
            "SQLITE_DATABASE_PATH": str(self.database),
            "JWT_PRIVATE_KEY_PATH": str(self.folder / "key.pem"),
            "API_PORT": str(self.api_port),
            "WEBHOOK_PORT": str(self.webhook_port),
            "WEBHOOK_URL": f"http://127.0.0.1:{self.webhook_port}/telegram",
            "WEBHOOK_SECRET": "secret-of-the-tests",
            **self.settings,
        }

    def start(self, **settings: str) -> None:
        """Start without waiting."""
        with ExitStack() as files:
            log = files.enter_context(self.log.open("ab"))
            self.process = subprocess.Popen(
                [sys.executable, "-m", "yabot", "run"],
                cwd=self.folder,
                env={**self.environment(), **settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.starts += 1

    async def ready(self) -> None:
        """Return when the bot takes updates. Fails with the log when it ended instead."""
        async with aiohttp.ClientSession() as client:

            async def answers() -> bool:
                assert self.process is not None
                assert self.process.poll() is None, self.log.read_text()[-4000:]
                try:
                    async with client.get(f"{self.api_url}/readyz") as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(answers, deadline=30)

    async def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        await self.ended()

    async def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Ask it to stop and wait; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(signal_number)
        return await self.ended()

    async def ended(self, *, deadline: float = 30) -> int:
        """Wait until the process has ended by itself; returns its exit code."""
        process = self.process
        assert process is not None
        with anyio.fail_after(deadline):
            return await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
