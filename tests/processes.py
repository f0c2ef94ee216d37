"""Real processes for tests: the bot and the local Telegram, on private ports, always stopped.

A process is ended by its own handle and never by name. It is forked from one that has imported
everything; `fresh` starts it as an operator does.
"""

import os
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
import anyio
import anyio.to_thread

from tests.forks import Entry, Forked, Running
from tests.waiting import until

ROOT = Path(__file__).parent.parent
TOKEN = "4242:token-of-the-tests"
SECRET = "secret-of-the-tests"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def yabot() -> None:
    """The entry of `yabot`."""
    from yabot.cli import main

    main()


def telegram() -> int:
    """The entry of the local Telegram."""
    from yabot.sandbox.__main__ import main

    return main()


@dataclass
class ServerProcess(ABC):
    """A process that serves, with a folder of its own; what it prints is in `log` and `errors`."""

    folder: Path
    process: Running | None = field(default=None, init=False)
    starts: int = field(default=0, init=False)

    @property
    def log(self) -> Path:
        return self.folder / f"{type(self).__name__}.log"

    @property
    def errors(self) -> Path:
        return self.log.with_suffix(".errors")

    @property
    def running(self) -> Running:
        """The handle of the process, which has been started."""
        assert self.process is not None
        return self.process

    def told(self) -> str:
        """All that it has printed."""
        return "".join(path.read_text() for path in (self.log, self.errors) if path.exists())

    @abstractmethod
    def launch(self, settings: Mapping[str, str]) -> Running:
        """Start it."""

    @abstractmethod
    def ready_url(self) -> str:
        """What answers 200 once it serves."""

    def start(self, **settings: str) -> None:
        """Start without waiting, with `settings` in its environment."""
        self.process = self.launch(settings)
        self.starts += 1

    async def ready(self, *, deadline: float = 30) -> None:
        """Return when it serves. Fails with the log when it ended instead."""
        async with aiohttp.ClientSession() as client:

            async def answers() -> bool:
                assert self.running.poll() is None, self.told()[-4000:]
                try:
                    async with client.get(self.ready_url()) as answer:
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            await until(answers, deadline=deadline)

    async def kill(self) -> None:
        """kill -9."""
        self.running.kill()
        await self.ended()

    async def stop(self, signal_number: int = signal.SIGTERM) -> int:
        """Ask it to stop and wait; returns its exit code."""
        self.running.send_signal(signal_number)
        return await self.ended()

    async def ended(self, *, deadline: float = 30) -> int:
        """Wait until the process has ended by itself; returns its exit code."""
        with anyio.fail_after(deadline):
            return await anyio.to_thread.run_sync(self.running.wait, abandon_on_cancel=True)

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


@dataclass
class BotProcess(ServerProcess):
    """`yabot run`, or another `command` of it, with a database and ports of its own."""

    telegram_url: str
    settings: Mapping[str, str] = field(default_factory=dict)
    command: str = "run"
    arguments: Sequence[str] = ()
    entry: Entry = yabot
    fresh: bool = False
    api_port: int = field(default_factory=free_port)
    webhook_port: int = field(default_factory=free_port)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.webhook_port}/telegram"

    @property
    def database(self) -> Path:
        return self.folder / "yabot.db"

    def ready_url(self) -> str:
        return f"{self.api_url}/readyz"

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
            "WEBHOOK_URL": self.webhook_url,
            "WEBHOOK_SECRET": SECRET,
            **self.settings,
        }

    def launch(self, settings: Mapping[str, str]) -> Running:
        env = {**self.environment(), **settings}
        if not self.fresh:
            argv = ["yabot", self.command, *self.arguments]
            return Forked(
                self.entry, argv, cwd=self.folder, env=env, output=(self.log, self.errors)
            )
        command = [sys.executable, "-m", "yabot", self.command, *self.arguments]
        with self.log.open("ab") as log, self.errors.open("ab") as errors:
            return subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=errors)


@dataclass
class TelegramProcess(ServerProcess):
    """The local Telegram with a database file of its own."""

    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready_url(self) -> str:
        return f"{self.url}/sandbox/stats"

    def launch(self, settings: Mapping[str, str]) -> Running:
        argv = ["sandbox", "--port", str(self.port), "--database", str(self.folder / "telegram.db")]
        return Forked(telegram, argv, cwd=self.folder, env=settings, output=(self.log, self.errors))
