"""What an outage of MongoDB costs: the turns, the memory, and the time until its copy is level.

    python -m benchmarks.mongo_away                     about two and a half minutes
    python -m benchmarks.mongo_away --seconds 10        a short one

A real database file (synchronous=FULL) and SecantusDB as a process of its own. Turns come at one
pace all the time: with the server there, while it is killed, and after its return. The copy is
level again when nothing waits that came before the server did. The server is the slow part on a
shared machine, so the turns may well be quicker without it.
"""

import argparse
import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import anyio
import structlog
from pydantic import SecretStr

from actors import ActorSystem
from benchmarks.stores.crowd import Crowd, now
from benchmarks.stores.figures import percentile
from benchmarks.stores.paced import Street
from tests.servers.secantus import Secantus
from yabot import interpreter
from yabot.content.loader import load_story
from yabot.stores.database import DatabaseManager
from yabot.stores.mongo.address import MongoConfig
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.server import MongoServer

PEOPLE = 500
PACE = 200
"""Turns a second."""

SECONDS = 60.0
WARM_UP = 3.0
SLOWER = 2.0
GROWTH = 32.0
LEVEL_WITHIN = 30.0
"""What must hold: p99 of a turn with the server away, in times of that with it there; megabytes
that the process may grow by meanwhile; seconds from the server's return to a level copy."""


@dataclass(frozen=True)
class Away:
    """One run: seconds of each commit of a turn, megabytes before and after, seconds, counts."""

    there: Sequence[float]
    away: Sequence[float]
    after: Sequence[float]
    before: float
    most: float
    waiting: int
    level: float

    @property
    def slower(self) -> float:
        """p99 of a turn without the server, in times of that with it."""
        return percentile(self.away, 0.99) / percentile(self.there, 0.99)

    @property
    def missed(self) -> list[str]:
        """What does not hold that must."""
        figures = {
            f"p99 {self.slower:.2f} times, not {SLOWER:g}": self.slower <= SLOWER,
            f"{self.most - self.before:.0f} MB more": self.most - self.before <= GROWTH,
            f"level after {self.level:.1f} s": self.level <= LEVEL_WITHIN,
        }
        return [what for what, holds in figures.items() if not holds]


@dataclass(frozen=True)
class Copied:
    """A database whose documents go to a server."""

    db: DatabaseManager
    server: Secantus

    async def level(self) -> None:
        """Return when the server has all that was committed before this call."""
        began = perf_counter()
        documents, mongo = self.db.documents, self.db.mongo
        assert mongo is not None

        def is_level() -> bool:
            waits = documents.deliveries.resyncing or documents.lag() > perf_counter() - began
            return mongo.trouble is None and not waits

        while not is_level():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def copied() -> AsyncIterator[Copied]:
    """A new database and a new server, with everything between them at work."""
    with TemporaryDirectory(prefix="yabot-bench-") as folder:
        server = Secantus(Path(folder) / "mongo")
        config = MongoConfig(SecretStr(server.uri), "yabot")
        mongo = MongoConnection(lambda: MongoServer(config, now))
        manager = DatabaseManager(Path(folder) / "yabot.db", clock=now, mongo=mongo)
        story = load_story()
        try:
            await server.start()
            await manager.connect_all()
            async with ActorSystem() as system:
                system.spawn(manager.writer_actor, name="writer")
                system.spawn(mongo.keeper, name="mongo")
                system.spawn(lambda: manager.document_relay(story), name="documents")
                yield Copied(manager, server)
        finally:
            await manager.close()
            server.end()


async def run(seconds: float) -> Away:
    """Turns with the server, `seconds` without it, and until the copy is level again."""
    async with copied() as it:
        crowd = Crowd(it.db, range(1, PEOPLE + 1))
        street = Street(it.db, crowd)
        async with street.beside():
            await crowd.register_all()
            await street.live(PACE, WARM_UP)
            await it.level()
            there = await _lived(street, seconds)
            before = _resident()
            await it.server.kill()
            away: list[float] = []
            most = before
            for _ in range(round(seconds)):
                away += await _lived(street, 1.0)
                most = max(most, _resident())
            waiting = it.db.documents.waiting()
            after, level = await _until_level(it, street)
    return Away(there, away, after, before, most, waiting, level)


async def _until_level(it: Copied, street: Street) -> tuple[list[float], float]:
    """Let the server come back and turns go on until it has everything; how long it took."""
    after: list[float] = []
    levelled: list[float] = []

    async def come_back() -> None:
        await it.server.restart()
        began = perf_counter()
        await it.level()
        levelled.append(perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        group.create_task(come_back())
        with anyio.move_on_after(3 * LEVEL_WITHIN):
            while not levelled:
                after += await _lived(street, 1.0)
    return after, levelled[0]


async def _lived(street: Street, seconds: float) -> list[float]:
    street.commits.clear()
    await street.live(PACE, seconds)
    return list(street.commits)


def _resident() -> float:
    """Megabytes that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(*, seconds: float = SECONDS) -> Away:
    """Run it and print what an outage of `seconds` costs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    interpreter.settle()
    found = anyio.run(run, seconds, backend_options={"use_uvloop": True})
    print(f"\n{PACE} turns a second of {PEOPLE} users; MongoDB away for {seconds:.0f} s")
    print(f"{'commit of a turn':28}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}")
    for what, commits in (
        ("MongoDB there", found.there),
        ("MongoDB away", found.away),
        ("while it is brought level", found.after),
    ):
        p50, p99 = percentile(commits, 0.5) * 1e3, percentile(commits, 0.99) * 1e3
        print(f"{what:28}{p50:8.1f}{p99:8.1f}{max(commits) * 1e3:9.1f}")
    print(f"p99 with MongoDB away is {found.slower:.2f} times that with MongoDB there")
    print(f"memory {found.before:.0f} MB before, {found.most:.0f} MB at most while away")
    print(f"{found.waiting} users waited; level {found.level:.1f} s after its return")
    for line in found.missed:
        print(f"MISSED: {line}")
    return found


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mongo_away", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the outage")
    measure(seconds=parser.parse_args().seconds)


if __name__ == "__main__":
    main()
