"""Random gifts while everything dies: no besito is made or lost, and every gift comes to its end.

    python -m tests.faults.gifts --gifts 10000 --kills 20 --seed 7

First in one process over a file that is reopened life after life, then with the whole bot and
kill -9. Exit code 1 and a line for each broken promise when one broke.
"""

import argparse
import logging
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio
import structlog

from tests.faults import gift_audit
from tests.faults.gift_lives import GiftLives
from tests.faults.givers import give_under_kills

Run = Callable[[Path], Awaitable[tuple[int, Sequence[str]]]]
"""A run in an empty folder: how many gifts were made, and what is wrong."""


async def give_in_lives(folder: Path, *, gifts: int, seed: int) -> tuple[int, Sequence[str]]:
    """Live and die until at least so many gifts were made, then let every gift come to its end."""
    lives = GiftLives(folder / "gifts.db", people=60, seed=seed)
    await lives.settle_in()
    broken: list[str] = []
    while gift_audit.given(lives.file) < gifts:
        await lives.give()
        broken += gift_audit.conserved(lives.file)
    await lives.end_well(lambda: gift_audit.open_gifts(lives.file) == 0)
    broken += gift_audit.conserved(lives.file) + gift_audit.ended_badly(lives.file)
    return gift_audit.given(lives.file), broken


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.gifts", description=__doc__)
    parser.add_argument("--gifts", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    logging.disable(logging.CRITICAL)

    async def in_lives(folder: Path) -> tuple[int, Sequence[str]]:
        return await give_in_lives(folder, gifts=chosen.gifts, seed=chosen.seed)

    async def under_kills(folder: Path) -> tuple[int, Sequence[str]]:
        return await give_under_kills(
            folder, gifts=chosen.gifts, kills=chosen.kills, seed=chosen.seed
        )

    runs: dict[str, Run] = {"in one process": in_lives, "under kill -9": under_kills}
    outcomes = [_well(name, run, chosen.seed) for name, run in runs.items()]
    return 0 if all(outcomes) else 1


def _well(name: str, run: Run, seed: int) -> bool:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="yabot-gifts-") as folder:
        made, broken = anyio.run(run, Path(folder))
    took = time.monotonic() - began
    print(f"seed {seed}, {name}: {made} gifts, {len(broken)} promises broken, {took:.0f} s")
    for line in broken:
        print(f"    {line}")
    return not broken


if __name__ == "__main__":
    sys.exit(main())
