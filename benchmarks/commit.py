"""The commit: durable turns a second, and how long one takes at a steady pace.

    python -m benchmarks.commit                     all of it, about four minutes
    python -m benchmarks.commit paced --seconds 10  one part, shorter

Every turn goes through `SqliteUserStore.commit` with `synchronous=FULL` to a file on this machine.
What is to be reached and is not says MISSED.
"""

import argparse
import logging
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

import anyio
import structlog

from benchmarks.stores.closed import closed
from benchmarks.stores.figures import percentile, syncs
from benchmarks.stores.operations import operations
from benchmarks.stores.paced import paced
from benchmarks.stores.reads import reads
from yabot import interpreter

PEOPLE = 1000
ROUNDS = 3

TURNS = 100
ALONE = 4
"""Turns of each user, in groups and one at a time: the latter are slower by far."""

PACE = 3000
CALM_PACE = 1000
"""Updates a second."""

OLD = 100_000
"""Updates of days ago that are pruned while the paced ones come."""

STORED = 20_000
READS = 30_000

RATE = 10_000
RATIO = 10
"""What a closed loop must reach: turns a second, and times one turn a transaction."""

PACED_P99 = 0.040
STALL = 0.100
OPERATION_P95 = 0.100
"""What nothing may pass: seconds of a commit at the pace, its longest one, and an operation's."""


async def show_closed(seconds: float) -> None:
    """Group commit beside the same code with one turn in a transaction, and what a sync costs."""
    turns = max(ALONE, round(TURNS * min(1.0, seconds / 60)))
    grouped, single, synced = [], [], list[float]()
    for _ in range(ROUNDS):
        synced += syncs()
        grouped.append(await closed(people=PEOPLE, turns=turns))
        single.append(await closed(people=PEOPLE, turns=ALONE, batch=1))
    print(f"\n{PEOPLE} users in a closed loop, medians of {ROUNDS}")
    print(f"{'':28}{'turns/s':>10}{'CPU us':>8}{'p50 ms':>8}{'p99 ms':>8}{'most ms':>9}")
    for name, runs in (("group commit", grouped), ("one turn a transaction", single)):
        print(
            f"{name:28}{median(r.rate for r in runs):10.0f}{median(r.cpu for r in runs):8.0f}"
            f"{median(r.p50 for r in runs):8.1f}{median(r.p99 for r in runs):8.1f}"
            f"{max(r.most for r in runs):9.1f}"
        )
    rate = median(run.rate for run in grouped)
    ratio = median(a.rate / b.rate for a, b in zip(grouped, single, strict=True))
    print(f"group commit is {ratio:.1f} times as fast; one turn's pages are synced in", end=" ")
    print(f"{percentile(synced, 0.5) * 1e3:.2f} ms, p99 {percentile(synced, 0.99) * 1e3:.2f} ms")
    demand(rate >= RATE, f"{RATE} turns a second")
    demand(ratio >= RATIO, f"{RATIO} times one turn a transaction")


async def show_paced(seconds: float) -> None:
    """The whole way of an update at a steady pace, and where time was lost."""
    run = await paced(people=PEOPLE, rate=PACE, seconds=seconds, old=OLD)
    print(f"\n{PACE} updates a second for {seconds:.0f} s, {run.cpu:.2f} cores busy")
    print(f"{'':28}{'p50 ms':>10}{'p99 ms':>8}{'most ms':>9}")
    for name, durations in (
        ("commit", run.commits),
        ("from arrival to durable", run.updates),
        ("the loop wakes up late", run.pauses.late),
        ("a pass of the collector", run.pauses.collecting or [0.0]),
    ):
        print(
            f"{name:28}{percentile(durations, 0.5) * 1e3:10.1f}"
            f"{percentile(durations, 0.99) * 1e3:8.1f}{max(durations) * 1e3:9.1f}"
        )
    print(f"{run.pruned} slices of old rows were pruned meanwhile;", end=" ")
    print(f"threads waited {run.pauses.waited / seconds * 1e3:.0f} ms a second for a core")
    demand(percentile(run.commits, 0.99) <= PACED_P99, f"p99 of {PACED_P99 * 1e3:.0f} ms")
    demand(max(run.commits) <= STALL, f"no stall of {STALL * 1e3:.0f} ms")


async def show_operations(seconds: float) -> None:
    """The histograms of /metrics under a steady load."""
    found = await operations(people=PEOPLE, rate=CALM_PACE, seconds=min(seconds, 20))
    print(f"\noperations at {CALM_PACE} turns a second, from the histograms of /metrics")
    for operation, bound in found.items():
        print(f"{operation:28}p95 <= {bound * 1e3:g} ms")
    demand(max(found.values()) <= OPERATION_P95, f"p95 of {OPERATION_P95 * 1e3:.0f} ms")


async def show_reads(seconds: float) -> None:
    """Ways to read a user."""
    found = await reads(people=STORED, number=round(READS * min(1.0, seconds / 10)))
    print(f"\nreading one of {STORED} users, 64 callers")
    print(f"{'':28}{'reads/s':>10}{'CPU us':>8}{'p99 ms':>8}{'loop p99 ms':>13}")
    for name, way in found.items():
        print(f"{name:28}{way.rate:10.0f}{way.cpu:8.0f}{way.p99:8.1f}{way.late:13.1f}")


def demand(holds: bool, what: str) -> None:
    """Say what was to be reached and is not."""
    if not holds:
        print(f"MISSED: {what}")


PARTS: Mapping[str, Callable[[float], Awaitable[None]]] = {
    "closed": show_closed,
    "paced": show_paced,
    "operations": show_operations,
    "reads": show_reads,
}


def measure(*parts: str, seconds: float = 60.0) -> None:
    """Run these parts, or all; `seconds` is for how long the paced one runs."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    interpreter.settle()
    for part in parts or PARTS:
        anyio.run(PARTS[part], seconds, backend_options={"use_uvloop": True})


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commit", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all when left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the paced part")
    arguments = parser.parse_args()
    measure(*arguments.parts, seconds=arguments.seconds)


if __name__ == "__main__":
    main()
