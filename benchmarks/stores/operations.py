"""The operations on users as /metrics tells them: how long 95 of 100 take at most.

A histogram knows bounds and no durations, so its answer is the upper bound of a bucket.
"""

import asyncio
import time
from collections.abc import Mapping
from math import inf

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.stores.crowd import Crowd, database
from yabot.ops.metrics import Metrics
from yabot.wiring.measured import MeasuredStore

HISTOGRAM = "yabot_database_operation_seconds"
SHARE = 0.95

TICK = 0.01
"""Seconds between two arrivals; each brings what the pace asks for."""

NEW = 10
"""Of so many turns one is the first of a new user, and the others load a known one."""


async def operations(*, people: int, rate: int, seconds: float) -> Mapping[str, float]:
    """`rate` turns a second for so long; p95 in seconds by operation, as a scrape tells it."""
    metrics = Metrics()
    async with database() as manager:
        await Crowd(manager, range(1, people + 1)).register_all()
        store = MeasuredStore(manager.users, metrics.database_operation)
        known = Crowd(manager, range(1, people + 1), store=store)
        strangers = range(people + 1, people + 1 + round(rate * seconds))
        new = Crowd(manager, strangers, store=store)

        async def arrive(first: int, last: int) -> None:
            numbers = [number for number in range(first, last) if number % NEW]
            users = [known.users[number % people] for number in numbers]
            async with asyncio.TaskGroup() as group:
                for number in range(first, last):
                    if number % NEW == 0:
                        group.create_task(new.register(new.users[number]))
                for user in users:
                    group.create_task(known.awake(user))
            async with asyncio.TaskGroup() as group:
                for mail in await known.mail(users):
                    group.create_task(known.turn_in_order(mail))

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for tick in range(round(seconds / TICK)):
                await asyncio.sleep(began + tick * TICK - time.perf_counter())
                group.create_task(
                    arrive(round(rate * tick * TICK), round(rate * (tick + 1) * TICK))
                )
    return p95((await metrics.render()).decode())


def p95(scrape: str) -> Mapping[str, float]:
    """By operation, the bound in seconds below which 95 of 100 were; infinite beyond the last."""
    counts: dict[str, dict[float, float]] = {}
    for family in text_string_to_metric_families(scrape):
        for sample in family.samples:
            if sample.name == f"{HISTOGRAM}_bucket":
                bounds = counts.setdefault(sample.labels["operation"], {})
                bounds[float(sample.labels["le"])] = sample.value
    return {
        operation: min(bound for bound in bounds if bounds[bound] >= SHARE * bounds[inf])
        for operation, bounds in counts.items()
        if bounds[inf]
    }
