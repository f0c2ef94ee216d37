"""Callers of an HTTP server over connections that stay open, made cheap so that they can be many.

`python -m benchmarks.api.load` reads one JSON line of `Load` and prints one of `Told`. Requests are
written as bytes, and of an answer only its status, its length and its time are read.
"""

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import cast
from uuid import uuid4

import orjson
import uvloop

PATIENCE = 10.0
"""Seconds for the last answers."""

OPENING = 200
"""Connections that are opened at a time."""


@dataclass(frozen=True)
class Load:
    """`rate` 0: every connection asks again as soon as it has its answer; else so many a second."""

    port: int
    kind: str
    token: str
    users: int
    connections: int
    seconds: float
    rate: float = 0.0


@dataclass(frozen=True)
class Told:
    """Answers a second and their latency in ms; `failed` had another status than 200."""

    answers: int
    failed: int
    seconds: float
    p50: float
    p99: float


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], times: list[float]) -> None:
        self._requests = requests
        self._times = times
        self._received = bytearray()
        self._begun = 0.0
        self.busy = False
        self.failed = 0
        self.ends = float("-inf")
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, begun: float) -> None:
        """Send the next request, which should have been sent at `begun`."""
        assert self.transport is not None
        self.busy = True
        self._begun = begun
        self.transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self._received.lower().find(b"content-length: ", 0, head)
        length = int(self._received[at + 16 : self._received.find(b"\r", at)]) if at > 0 else 0
        if len(self._received) < head + 4 + length:
            return
        now = time.perf_counter()
        self.failed += not self._received.startswith(b"HTTP/1.1 200")
        self._received.clear()
        self._times.append(now - self._begun)
        self.busy = False
        if now < self.ends:
            self.ask(now)


def requests(load: Load) -> Iterator[bytes]:
    """The bytes of one request after the other, a user at a time."""
    prefix = uuid4().hex
    for number in itertools.count():
        user = number % load.users + 1
        common = f"Host: api\r\nAuthorization: Bearer {load.token}\r\n"
        if load.kind == "get":
            yield f"GET /api/v1/user/{user}/state HTTP/1.1\r\n{common}\r\n".encode()
            continue
        body = b'{"action":"%s"}' % (b"shop" if number // load.users % 2 else b"help")
        yield (
            f"POST /api/v1/user/{user}/interactions HTTP/1.1\r\n{common}"
            f"Idempotency-Key: {prefix}-{number}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body


async def run(load: Load) -> Told:
    """Open all connections, then ask for so long."""
    loop = asyncio.get_running_loop()
    source, times = requests(load), list[float]()
    callers: list[Caller] = []
    for first in range(0, load.connections, OPENING):
        count = min(OPENING, load.connections - first)
        made = [
            loop.create_connection(lambda: Caller(source, times), "127.0.0.1", load.port)
            for _ in range(count)
        ]
        opened = [caller for _, caller in await asyncio.gather(*made)]
        for caller in opened:  # a server may close a connection that says nothing
            caller.ask(time.perf_counter())
        await _answered(opened)
        callers += opened
    times.clear()
    print("open", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    begun = time.perf_counter()
    if load.rate:
        await _paced(load, callers, begun)
    else:
        for caller in callers:
            caller.ends = begun + load.seconds
            caller.ask(time.perf_counter())
        await asyncio.sleep(load.seconds)
    await _answered(callers)
    seconds = time.perf_counter() - begun
    times.sort()
    failed = sum(caller.failed for caller in callers)
    return Told(len(times), failed, seconds, _percentile(times, 0.5), _percentile(times, 0.99))


async def _answered(callers: list[Caller]) -> None:
    """Wait for the last answers, for a while."""
    ends = time.perf_counter() + PATIENCE
    while any(caller.busy for caller in callers) and time.perf_counter() < ends:
        await asyncio.sleep(0.01)


async def _paced(load: Load, callers: list[Caller], begun: float) -> None:
    """One request after the other on the next connection, each at its own moment."""
    turn = itertools.cycle(callers)
    for number in range(int(load.rate * load.seconds)):
        due = begun + number / load.rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        caller = next(turn)
        if not caller.busy:
            caller.ask(due)


def _percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] * 1e3 if times else float("nan")


def main() -> None:
    """Read what to do, do it, tell."""
    load = Load(**orjson.loads(sys.stdin.readline()))
    gc.freeze()
    gc.disable()
    print(orjson.dumps(asdict(uvloop.run(run(load)))).decode(), flush=True)


if __name__ == "__main__":
    main()
