"""kill -9 at random moments of load, again and again; then every promise is looked at.

    python -m tests.faults.crash --kills 20 --mode webhook --seed 7

Exit code 1 and a line for each broken promise when one broke. The rule: a run is told by its seed,
so that a failure can be tried again.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.faults.crowd import PATIENCE
from tests.faults.street import MODES, Street, street
from tests.forks import Entry
from tests.processes import yabot

AT_WORK = 0.5
"""Seconds of work that a life has at most before it ends."""

STARTING = 0.8
"""Seconds after a start, while leftovers are handed out, in which some lives end."""

STILLBORN = 0.25
"""The share of lives that end while they start."""


@dataclass(frozen=True)
class Outcome:
    """What a run did, and every promise that broke."""

    seed: int
    mode: str
    kills: int
    presses: int
    redelivered: int
    stood_by: int
    seconds: float
    broken: Sequence[str]

    def told(self) -> str:
        """The run in one line, and a line for each broken promise."""
        line = (
            f"seed {self.seed}, {self.mode}: {self.kills} kills, {self.presses} presses,"
            f" {self.redelivered} told again, {self.stood_by} left over by a death,"
            f" {len(self.broken)} promises broken, {self.seconds:.0f} s"
        )
        return "\n    ".join([line, *self.broken])


async def crash(
    folder: Path,
    *,
    mode: str,
    kills: int,
    seed: int,
    people: int = 20,
    patience: float = PATIENCE,
    entry: Entry = yabot,
) -> Outcome:
    """Kill the bot that often under load, let everybody be answered, and look."""
    began = time.monotonic()
    rng = random.Random(seed)
    place = street(
        folder, mode, people=people, seed=seed, redelivery=0.1, patience=patience, entry=entry
    )
    async with place as it:
        it.bot.start()
        await it.bot.ready()
        try:
            async with it.load():
                await _kill_often(it, kills, rng)
                await it.crowd.more(people)
            broken = []
        except* AssertionError as group:
            broken = _told(group)
        broken += await it.verdict()
        return Outcome(
            seed=seed,
            mode=mode,
            kills=kills,
            presses=it.crowd.presses,
            redelivered=it.crowd.redelivered,
            stood_by=it.left_over(),
            seconds=time.monotonic() - began,
            broken=broken,
        )


async def _kill_often(it: Street, kills: int, rng: random.Random) -> None:
    """End with a bot that works.

    Of two lives that end one after the other while they start, the second could be ended in the
    middle of the same update alone; that update would rightly be blamed.
    """
    stillborn = False
    for _ in range(kills):
        stillborn = not stillborn and rng.random() < STILLBORN
        if not stillborn:
            await it.bot.ready()
        await anyio.sleep(rng.uniform(0, STARTING if stillborn else AT_WORK))
        await it.bot.kill()
        it.bot.start()
    await it.bot.ready()


def _told(group: BaseExceptionGroup[AssertionError]) -> list[str]:
    """What those who gave up waiting said."""
    return [
        line
        for error in group.exceptions
        for line in (_told(error) if isinstance(error, BaseExceptionGroup) else [str(error)])
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--mode", choices=[*MODES, "both"], default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args(arguments)
    well = True
    for mode in MODES if chosen.mode == "both" else [chosen.mode]:
        with tempfile.TemporaryDirectory(prefix="yabot-crash-") as folder:

            async def run(mode: str = mode, folder: str = folder) -> Outcome:
                return await crash(
                    Path(folder),
                    mode=mode,
                    kills=chosen.kills,
                    seed=chosen.seed,
                    people=chosen.people,
                )

            outcome = anyio.run(run)
        print(outcome.told())
        well = well and not outcome.broken
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
