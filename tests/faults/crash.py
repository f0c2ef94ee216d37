"""kill -9 under load, again and again; then every promise is looked at.

    python -m tests.faults.crash --kills 200
    python -m tests.faults.crash --kills 20 --mode webhook --seed 7 --no-mongo

A life ends at a random moment, or at a named step of the street that it passes for the nth time.
The bot brings its documents to a server that is killed too, unless `--no-mongo`. Exit code 1 and a
line for each broken promise when one broke. The rule: a run is told by its seed, so that a failure
can be tried again.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.faults.crowd import PATIENCE
from tests.faults.recording import recording
from tests.faults.street import MODES, Street, street
from tests.faults.town import Town, town
from tests.forks import Entry
from tests.processes import BotProcess, yabot
from tests.waiting import until
from yabot.faults import STEPS

AT_WORK = 0.5
"""Seconds of work that a life has at most before it ends."""

STARTING = 0.8
"""Seconds after a start, while leftovers are handed out, in which some lives end."""

EARLY = 0.4
"""The share of lives, of those that may, that end early: while they start, or at a named step."""

PASSES = 25
"""How often a step is passed, at most, before a life ends there."""

AT_LAST = 4.0
"""Seconds after which a life ends that has not come to its step."""

SERVERS = 0.4
"""How often the server of copies is killed, where there is one, for each kill of the bot."""


@dataclass(frozen=True)
class Life:
    """How a life of the bot ends: `fault` names the step at which it dies by itself."""

    stillborn: bool = False
    fault: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run did, and every promise that broke. `kills` counts those of the bot alone."""

    seed: int
    mode: str
    kills: int
    named: int
    outages: int
    levelled: float
    presses: int
    redelivered: int
    stood_by: int
    seconds: float
    broken: Sequence[str]

    def told(self) -> str:
        """The run in one line, and a line for each broken promise."""
        copies = f" {self.outages} of MongoDB, level after {self.levelled:.1f} s,"
        line = (
            f"seed {self.seed}, {self.mode}: {self.kills} kills, {self.named} at a named step,"
            f"{copies if self.outages else ''} {self.presses} presses,"
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
    mongo: bool = False,
) -> Outcome:
    """Kill the bot that often under load, let everybody be answered, and look.

    With `mongo` the server of the copies is killed besides.
    """
    began = time.monotonic()
    rng = random.Random(seed)
    outages = round(kills * SERVERS) if mongo else 0
    make = town if mongo else street
    place = make(
        folder, mode, people=people, seed=seed, redelivery=0.1, patience=patience, entry=entry
    )
    async with place as it:
        if isinstance(it, Town):
            await it.server.start()
        named = 0
        try:
            async with it.load():
                async with anyio.create_task_group() as dying:
                    if isinstance(it, Town):
                        dying.start_soon(it.die_often, outages, random.Random(seed))
                    named = await _kill_often(it, kills, rng)
                await it.crowd.more(people)
            broken = []
        except* AssertionError as group:
            broken = _told(group)
        broken += await it.verdict()
        return Outcome(
            seed=seed,
            mode=mode,
            kills=kills,
            named=named,
            outages=outages,
            levelled=it.levelled if isinstance(it, Town) else 0.0,
            presses=it.crowd.presses,
            redelivered=it.crowd.redelivered,
            stood_by=it.left_over(),
            seconds=time.monotonic() - began,
            broken=broken,
        )


def _lives(kills: int, rng: random.Random) -> Iterator[Life]:
    """How that many lives end.

    Of two that end early, one after the other, the second could end in the middle of the same
    update alone; that update would rightly be blamed.
    """
    early = False
    for _ in range(kills):
        early = not early and rng.random() < EARLY
        if early and rng.random() < 0.5:
            yield Life(fault=f"{rng.choice(STEPS)}:{rng.randint(1, PASSES)}")
        else:
            yield Life(stillborn=early)


async def _kill_often(it: Street, kills: int, rng: random.Random) -> int:
    """End with a bot that works; returns how many lives ended at their named step."""
    named = 0
    for life in _lives(kills, rng):
        if life.fault is not None:
            named += await _dies_at_its_step(it.bot, life.fault)
            continue
        it.bot.start()
        if not life.stillborn:
            await it.bot.ready()
        await anyio.sleep(rng.uniform(0, STARTING if life.stillborn else AT_WORK))
        await it.bot.kill()
    it.bot.start()
    await it.bot.ready()
    return named


async def _dies_at_its_step(bot: BotProcess, fault: str) -> bool:
    """Live a life with a fault in it; whether it came to it in time."""
    bot.start(YABOT_FAULT=fault)
    try:
        await until(lambda: bot.running.poll() is not None, deadline=AT_LAST)
    except AssertionError:
        await bot.kill()
        return False
    return True


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
    parser.add_argument("--mongo", action=argparse.BooleanOptionalAction, default=True)
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
                    entry=recording,
                    mongo=chosen.mongo,
                )

            outcome = anyio.run(run)
        print(outcome.told())
        well = well and not outcome.broken
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
