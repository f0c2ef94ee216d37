"""Users in a closed loop: everybody sends the next update when the last one is durable."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.stores.crowd import Crowd, database
from benchmarks.stores.figures import percentile
from yabot.stores.write_queue import BATCH_ITEMS
from yabot.users.ports import Mail

WAITING = 20
"""Updates of each user that wait in the inbox at first; when they are done, as many come again.

Taking them in is not counted. An inbox that is fuller than a busy one's has larger indexes.
"""


@dataclass(frozen=True)
class Closed:
    """One run: turns a second, CPU in microseconds a turn, latency in ms."""

    rate: float
    cpu: float
    p50: float
    p99: float
    most: float


async def closed(*, people: int, turns: int, batch: int = BATCH_ITEMS) -> Closed:
    """`people` users take `turns` turns each."""
    latencies: list[float] = []
    seconds = cpu = 0.0
    async with database(batch=batch) as manager:
        crowd = Crowd(manager, range(1, people + 1))
        await crowd.register_all()
        for taken in range(0, turns, WAITING):
            waiting = await _arrivals(crowd, min(WAITING, turns - taken))
            used, began = time.process_time(), time.perf_counter()
            latencies += await _lived(crowd, waiting)
            seconds += time.perf_counter() - began
            cpu += time.process_time() - used
    return Closed(
        rate=len(latencies) / seconds,
        cpu=cpu / len(latencies) * 1e6,
        p50=percentile(latencies, 0.5) * 1e3,
        p99=percentile(latencies, 0.99) * 1e3,
        most=max(latencies) * 1e3,
    )


async def _arrivals(crowd: Crowd, number: int) -> Sequence[deque[Mail]]:
    """So many updates of everybody, by user."""
    waiting: dict[str, deque[Mail]] = defaultdict(deque)
    for _ in range(number):
        for mail in await crowd.mail(crowd.users):
            waiting[mail.user_id].append(mail)
    return list(waiting.values())


async def _lived(crowd: Crowd, waiting: Sequence[deque[Mail]]) -> Sequence[float]:
    """Take all these turns; returns the seconds of each."""
    latencies: list[float] = []

    async def live(mails: deque[Mail]) -> None:
        while mails:
            latencies.append(await crowd.turn(mails.popleft()))

    async with asyncio.TaskGroup() as group:
        for mails in waiting:
            group.create_task(live(mails))
    return latencies
