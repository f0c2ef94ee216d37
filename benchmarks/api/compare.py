"""Runs the same callers against the bot's API and against a bare server, in turn.

The server has one core and the callers the other. Where others use it too, what a whole core would
give tells more than the rate: it is made from CPU a request. What is ours is CPU above the bare
server's: validation, auth, limits, log, metrics and the user's actor.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import orjson

from benchmarks.api.load import Load, Told
from yabot.api.keyring import Keyring
from yabot.api.tokens import JWTService
from yabot.app import utc_now

ROOT = Path(__file__).parents[2]
USERS = 200
CONNECTIONS = 64
MANY = 10_000
PACE = 500
"""Requests a second over many connections."""

GETS, POSTS, OVERHEAD, SLOWEST = 5000, 2000, 250, 200
"""What must be reached: requests a second, microseconds a request, milliseconds at p99."""


@dataclass(frozen=True)
class Server:
    """A server under measurement: its port, its process, and a token that it takes."""

    name: str
    port: int
    pid: int
    token: str


@dataclass(frozen=True)
class Run:
    """What the callers told, and the server's CPU in microseconds a request."""

    told: Told
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.told.answers / self.told.seconds

    @property
    def whole(self) -> float:
        """What a core would give that nobody else uses."""
        return 1e6 / self.cpu


def compare(*, rounds: int = 3, seconds: float = 8.0, connections: int = MANY) -> None:
    """All measures; prints medians of `rounds`, and the figures that must be reached."""
    with bare() as plain, api() as ours:
        for kind in ("get", "post"):
            runs: dict[str, list[Run]] = {plain.name: [], ours.name: []}
            for _ in range(rounds):
                for server in (plain, ours):
                    runs[server.name].append(_run(server, kind, CONNECTIONS, seconds))
            _show(kind, runs, plain.name, ours.name)
        print(f"\nGET state, {PACE} requests a second over {connections} connections")
        print(f"{'':16}{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}")
        for server in (plain, ours):
            told = _run(server, "get", connections, seconds, rate=PACE).told
            print(f"{server.name:16}{told.p50:8.1f}{told.p99:8.1f}{told.failed:8}")
        print(_verdict("p99", told.p99, SLOWEST, least=False))


def _show(kind: str, runs: Mapping[str, list[Run]], plain: str, ours: str) -> None:
    what = "GET state" if kind == "get" else "POST interaction"
    print(f"\n{what}, {CONNECTIONS} connections, one core, medians of {len(runs[ours])}")
    print(f"{'':16}{'req/s':>8}{'CPU us':>8}{'a core':>8}{'p50 ms':>8}{'p99 ms':>8}{'failed':>8}")
    for name, of in runs.items():
        print(
            f"{name:16}{median(r.rate for r in of):8.0f}{median(r.cpu for r in of):8.0f}"
            f"{median(r.whole for r in of):8.0f}"
            f"{median(r.told.p50 for r in of):8.1f}{median(r.told.p99 for r in of):8.1f}"
            f"{sum(r.told.failed for r in of):8}"
        )
    pairs = zip(runs[ours], runs[plain], strict=True)
    more = median(a.cpu - b.cpu for a, b in pairs)
    rate = median(r.whole for r in runs[ours])
    print(
        _verdict("requests a second of a core", rate, GETS if kind == "get" else POSTS, least=True)
    )
    print(f"CPU above bare: {more:.0f} us")
    if kind == "get":
        print(_verdict("CPU above bare", more, OVERHEAD, least=False))


def _verdict(what: str, found: float, bound: float, *, least: bool) -> str:
    reached = found >= bound if least else found <= bound
    sign = ">=" if least else "<="
    return f"{'reached' if reached else 'MISSED'}: {what} {found:.0f} {sign} {bound:.0f}"


def _run(server: Server, kind: str, connections: int, seconds: float, *, rate: float = 0) -> Run:
    load = Load(server.port, kind, server.token, USERS, connections, seconds, rate)
    command = [sys.executable, "-m", "benchmarks.api.load"]
    with _process(command, _cores()[0], pipes=True) as callers:
        assert callers.stdin is not None
        assert callers.stdout is not None
        callers.stdin.write(orjson.dumps(asdict(load)).decode() + "\n")
        callers.stdin.flush()
        callers.stdout.readline()
        before = _cpu(server.pid)
        callers.stdin.write("go\n")
        callers.stdin.flush()
        told = Told(**orjson.loads(callers.stdout.readline()))
        return Run(told, (_cpu(server.pid) - before) * 1e6 / max(1, told.answers))


@contextmanager
def bare() -> Iterator[Server]:
    """A bare aiohttp server."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.api.bare", str(port)]
    with _process(command, _cores()[1]) as process:
        _wait(f"http://127.0.0.1:{port}/api/v1/user/1/state")
        yield Server("bare aiohttp", port, process.pid, "none")


@contextmanager
def api() -> Iterator[Server]:
    """The whole bot as an operator runs it, with users who have said hello."""
    port, telegram = _free_port(), _free_port()
    url = f"http://127.0.0.1:{telegram}"
    with TemporaryDirectory(prefix="yabot-bench-") as name:
        folder = Path(name)
        settings = {
            "BOT_TOKEN": "4242:token-of-the-benchmark",
            "TELEGRAM_API_URL": url,
            "SQLITE_DATABASE_PATH": str(folder / "yabot.db"),
            "JWT_PRIVATE_KEY_PATH": str(folder / "key.pem"),
            "API_PORT": str(port),
            "API_READ_RATE": "1000000",
            "API_WRITE_RATE": "1000000",
        }
        sandbox = [sys.executable, "-m", "yabot.sandbox", "--port", str(telegram),
                   "--database", ":memory:"]  # fmt: skip
        bot = [sys.executable, "-m", "yabot", "run"]
        callers, server = _cores()
        with _process(sandbox, callers):
            _wait(f"{url}/sandbox/stats")
            with _process(bot, server, settings) as process:
                _wait(f"http://127.0.0.1:{port}/readyz")
                tokens = JWTService(Keyring(folder / "key.pem", clock=utc_now), clock=utc_now)
                token = tokens.create_service_token("benchmark")
                _register(url, port, token)
                yield Server("YABOT", port, process.pid, token)


def _register(url: str, port: int, token: str) -> None:
    for user in range(1, USERS + 1):
        body = orjson.dumps({"text": "/start"})
        headers = {"Content-Type": "application/json"}
        where = f"{url}/sandbox/users/{user}/messages"
        urllib.request.urlopen(urllib.request.Request(where, body, headers)).close()
    for user in range(1, USERS + 1):
        _wait(f"http://127.0.0.1:{port}/api/v1/user/{user}/state", f"Bearer {token}")


def _wait(url: str, authorization: str = "", *, deadline: float = 30.0) -> None:
    """Return when it answers with a success."""
    ends = time.monotonic() + deadline
    request = urllib.request.Request(url, headers={"Authorization": authorization})
    while time.monotonic() < ends:
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers at {url}")


@contextmanager
def _process(
    command: Sequence[str],
    cores: set[int],
    settings: Mapping[str, str] | None = None,
    *,
    pipes: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(settings or {})},
        stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
        stdout=subprocess.PIPE if pipes else subprocess.DEVNULL,
        stderr=None if pipes else subprocess.DEVNULL,
        text=True,
    )
    try:
        os.sched_setaffinity(process.pid, cores)
        yield process
    finally:
        process.kill()
        process.communicate()


def _cores() -> tuple[set[int], set[int]]:
    """For the callers, and for the server."""
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, {cores[1]}) if len(cores) > 1 else ({cores[0]}, {cores[0]})


def _cpu(pid: int) -> float:
    """CPU seconds of a live process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
