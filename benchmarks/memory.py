"""What the whole bot weighs: 100,000 users in its database, 10,000 of them live.

    python -m benchmarks.memory                                  about three minutes
    python -m benchmarks.memory --stored 5000 --live 500         a short one

The database is filled first. Then the bot runs as its own process, as an operator starts it, and
the live ones come in through the local Telegram and open the story. With a core of its own the bot
has seen them all before the first is put away for being idle (300 s). /metrics says how many actors
there are, and how long the operations on the database took meanwhile.
"""

import argparse
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import anyio
import structlog
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.stores.crowd import Crowd, database
from benchmarks.stores.operations import p95
from benchmarks.stores.visitors import AT_ONCE
from benchmarks.street.compare import ROOT, polling
from benchmarks.street.people import FIRST_USER

STORED = 100_000
LIVE = 10_000
IN_FLIGHT = 200

TARGET = 512.0
"""Megabytes."""


@dataclass(frozen=True)
class Memory:
    """Resident megabytes by live users, and at most; the rest is what /metrics told at the end."""

    by_users: Mapping[int, float]
    most: float
    rate: float
    operations: Mapping[str, float]

    @property
    def live(self) -> int:
        """How many were live at the end."""
        return max(self.by_users)

    @property
    def each(self) -> float:
        """Kilobytes that one more live user takes."""
        fewest = min(self.by_users)
        more = self.by_users[self.live] - self.by_users[fewest]
        return more * 1e3 / max(1, self.live - fewest)


def measure(*, stored: int = STORED, live: int = LIVE) -> Memory:
    """Fill a database, let people live in it, and print what the bot weighs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="yabot-bench-") as folder:
        anyio.run(_fill, Path(folder) / "yabot.db", stored, backend_options={"use_uvloop": True})
        found = _live(Path(folder), live)
    print(f"\n{stored} users stored, {found.rate:.0f} updates a second")
    for users, megabytes in found.by_users.items():
        print(f"{users:6} users live  {megabytes:5.0f} MB")
    print(f"at most            {found.most:5.0f} of {TARGET:.0f} MB")
    print(f"one more live user {found.each:7.1f} KB")
    for operation, bound in found.operations.items():
        print(f"{operation:18} p95 <= {bound * 1e3:g} ms")
    return found


async def _fill(path: Path, stored: int) -> None:
    async with database(path) as manager:
        await Crowd(manager, range(FIRST_USER, FIRST_USER + stored)).register_all()


def _live(folder: Path, live: int) -> Memory:
    options = ["--people", str(live), "--in-flight", str(IN_FLIGHT)]
    with _process([sys.executable, "-m", "benchmarks.stores.visitors", *options], {}) as crowd:
        assert crowd.stdout is not None
        command, settings = polling(crowd.stdout.readline().strip(), folder)
        port = _free_port()
        with _process(command, {**settings, "API_PORT": str(port)}) as bot:
            by_users: dict[int, float] = {}
            updates, seconds = 0, 0.0
            for _ in range(0, live, AT_ONCE):
                line = crowd.stdout.readline()
                if not line:
                    raise RuntimeError("the crowd gave up: the bot did not answer in time")
                told = json.loads(line)
                updates, seconds = updates + told["updates"], seconds + told["seconds"]
                scrape = urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
                by_users[_actors(scrape)] = _resident(bot.pid, "VmRSS")
            most = _resident(bot.pid, "VmHWM")
            return Memory(by_users, most, updates / seconds, p95(scrape))


def _actors(scrape: str) -> int:
    samples = (s for f in text_string_to_metric_families(scrape) for s in f.samples)
    return next(int(s.value) for s in samples if s.labels.get("state") == "live")


@contextmanager
def _process(
    command: Sequence[str], settings: Mapping[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _resident(pid: int, field: str) -> float:
    """Megabytes that the process holds (VmRSS) or held at most (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1e3


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--stored", type=int, default=STORED)
    parser.add_argument("--live", type=int, default=LIVE)
    arguments = parser.parse_args()
    measure(stored=arguments.stored, live=arguments.live)


if __name__ == "__main__":
    main()
