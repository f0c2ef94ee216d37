"""SecantusDB, a MongoDB-wire server over WiredTiger, as a process of its own.

It is never imported: its licence is its own, and so is its environment. The rule: a test that has
no server fails and says how to get one.
"""

import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

import anyio
import anyio.to_thread
import pytest
from pydantic import SecretStr

from tests.processes import ROOT, free_port
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.address import Driver, MongoConfig
from yabot.stores.mongo.client import MongoDatabase

PROGRAM = ROOT / ".venv-mongo" / "bin" / "secantusd-py"

MISSING = (
    "no MongoDB server to test with: run `make .venv-mongo/ready` for SecantusDB, "
    "or, for tests that don't kill it, set MONGODB_TEST_URI to a server on which they may fill "
    "and drop databases"
)


@dataclass
class Secantus:
    """A server with its data in `folder`; `restart` comes back on the same port and data.

    One that is not `synced` writes to its disk only what a client wants in the journal.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    query: str = ""
    synced: bool = True
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def uri(self) -> str:
        """Where it listens; `query` holds what reaching it takes."""
        return f"mongodb://127.0.0.1:{self.port}/{self.query and '?'}{self.query}"

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The handle of the process, which has been started."""
        assert self.process is not None
        return self.process

    def told(self) -> str:
        """All that it has printed."""
        return (self.folder / "log").read_text(errors="replace")

    async def start(self, *, deadline: float = 20) -> None:
        """Start it, and return when it answers a ping. Fails when there is no such program."""
        if not PROGRAM.exists():
            pytest.fail(MISSING, pytrace=False)
        self.process = self._launch()
        await until(self._listens, deadline=deadline)
        async with closing(MongoDatabase(MongoConfig(SecretStr(self.uri)))) as database:
            await until(lambda: answers(database), deadline=deadline)

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
            await until(lambda: _is_stopped(self.running.pid))
            yield
        finally:
            self.running.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill it if it runs; for the end of a test."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def _launch(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(PROGRAM), "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--storage-path", str(self.folder / "data"), "--log-level", "ERROR"]
        command += [*(["--sync-on-commit"] if self.synced else []), *self.options]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    async def _ended(self) -> None:
        with anyio.fail_after(20):
            await anyio.to_thread.run_sync(self.running.wait, abandon_on_cancel=True)

    async def _listens(self) -> bool:
        assert self.running.poll() is None, self.told()[-4000:]
        try:
            async with await anyio.connect_tcp("127.0.0.1", self.port):
                return True
        except OSError:
            return False


class Client(Protocol):
    """What is connected to a server."""

    async def close(self) -> None: ...


ClientT = TypeVar("ClientT", bound=Client)


@asynccontextmanager
async def closing(client: ClientT) -> AsyncIterator[ClientT]:
    """A client, closed at the end."""
    try:
        yield client
    finally:
        await client.close()


async def answers(database: MongoDatabase) -> bool:
    """Whether the server answers a ping."""
    try:
        await database.command({"ping": 1})
    except StoreUnavailable:
        return False
    return True


def _is_stopped(pid: int) -> bool:
    """Whether every thread of the process has stopped, as /proc tells."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks)


@asynccontextmanager
async def fresh_database(uri: str, driver: Driver = "motor") -> AsyncIterator[MongoDatabase]:
    """A database that nobody else has, dropped at the end."""
    config = MongoConfig(SecretStr(uri), f"yabot_test_{uuid4().hex}", driver)
    async with closing(MongoDatabase(config)) as database:
        yield database
        await database.command({"dropDatabase": 1})


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that tests share; each takes a `fresh_database` there."""
    if given := os.environ.get("MONGODB_TEST_URI"):
        yield given
        return
    server = Secantus(tmp_path_factory.mktemp("mongo"))
    try:
        anyio.run(server.start)
        yield server.uri
    finally:
        server.end()


@pytest.fixture
async def mongo_server(tmp_path: Path) -> AsyncIterator[Secantus]:
    """A server of the test's own, which it may kill."""
    server = Secantus(tmp_path / "mongo")
    try:
        await server.start()
        yield server
    finally:
        server.end()
