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
    async with database(batch=batch) as manager:
        crowd = Crowd(manager, range(1, people + 1))
        await crowd.register_all()
        waiting: dict[str, deque[Mail]] = defaultdict(deque)
        for _ in range(turns):
            for mail in await crowd.mail(crowd.users):
                waiting[mail.user_id].append(mail)
        return await _timed(crowd, list(waiting.values()))


async def _timed(crowd: Crowd, waiting: Sequence[deque[Mail]]) -> Closed:
    latencies: list[float] = []

    async def live(mails: deque[Mail]) -> None:
        while mails:
            began = time.perf_counter()
            await crowd.turn(mails.popleft())
            latencies.append(time.perf_counter() - began)

    cpu, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for mails in waiting:
            group.create_task(live(mails))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    return Closed(
        rate=len(latencies) / seconds,
        cpu=used / len(latencies) * 1e6,
        p50=percentile(latencies, 0.5) * 1e3,
        p99=percentile(latencies, 0.99) * 1e3,
        most=max(latencies) * 1e3,
    )
