"""kill -9 of Redis, of the bot, or of both under load; then the streams, and what a group of
subscribers has heard meanwhile, are held to the outbox.

    python -m tests.faults.redis --kills 20 --dies server --memory forgets --seed 7

Exit code 1 and a line for each broken promise when one broke.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Literal, get_args

import anyio
import structlog

from tests.events.consumers import Heard, process
from tests.events.streams import broken, held, repeated
from tests.faults.audit import opened
from tests.faults.street import Street, street
from tests.servers.valkey import FORGOTTEN, KEPT, Valkey, reaching
from tests.waiting import until

Victim = Literal["server", "bot", "both"]
Memory = Literal["keeps", "forgets"]

AWAY = 0.6
"""Seconds for which a server that was killed stays away, at most."""

AT_WORK = 0.6
"""Seconds between two kills, at most."""

Committed = tuple[str, str, int]
"""The id, the user and the number of an event in the outbox."""

COMMITTED = "SELECT event_id, user_id, sequence FROM outbox_events"


@dataclass(frozen=True)
class Outcome:
    """What a run did, and every promise that broke."""

    title: str
    kills: int
    events: int
    repeated: int
    seconds: float
    broken: Sequence[str]

    def told(self) -> str:
        """The run in one line, and a line for each broken promise."""
        line = (
            f"{self.title}: {self.kills} kills, {self.events} events, {self.repeated} repeated, "
            f"{len(self.broken)} promises broken, {self.seconds:.0f} s"
        )
        return "\n    ".join([line, *self.broken])


async def torment(
    folder: Path, *, kills: int, dies: Victim, memory: Memory, seed: int, people: int = 20
) -> Outcome:
    """Kill that often under load, let everything be delivered, and look."""
    began = time.monotonic()
    rng = random.Random(seed)
    server = Valkey(folder / "valkey", KEPT if memory == "keeps" else FORGOTTEN)
    async with street(folder, "polling", people=people, seed=seed) as it:
        try:
            await server.start()
            it.bot.start(REDIS_URL=server.url)
            await it.bot.ready()
            heard = Heard()
            async with process(server, heard) as group:
                async with it.load():
                    for _ in range(kills):
                        await anyio.sleep(rng.uniform(0, AT_WORK))
                        victim = rng.choice(["server", "bot"]) if dies == "both" else dies
                        await _kill(it, server, victim, rng)
                    await it.crowd.more(people)
                told = await it.verdict()
                with closing(opened(it.bot.database)) as db:
                    committed: list[Committed] = db.execute(COMMITTED).fetchall()
                with suppress(AssertionError):
                    await until(lambda: len(heard.got) >= len(committed), deadline=60)
                told += [report.reason for report in group.reports if "missing" in report.reason]
            async with reaching(server.url) as client:
                found = await held(client)
        finally:
            server.end()
    return Outcome(
        title=f"seed {seed}, {dies} dies, the server {memory}",
        kills=kills,
        events=len(committed),
        repeated=repeated(found),
        seconds=time.monotonic() - began,
        broken=[*told, *broken(committed, found), *misheard(committed, heard)],
    )


def misheard(committed: Sequence[Committed], heard: Heard) -> list[str]:
    """Whose events a group has not heard each once and in order, one sentence each."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for _, user_id, sequence in sorted(committed, key=itemgetter(2)):
        numbers[user_id].append(sequence)
    got: dict[str, list[int]] = defaultdict(list)
    for user_id, sequence in heard.got:
        got[user_id].append(sequence)
    return [
        f"{user_id}: {len(wanted)} events, and the group heard {len(got[user_id])}, or not in order"
        for user_id, wanted in numbers.items()
        if got[user_id] != wanted
    ]


async def _kill(it: Street, server: Valkey, victim: str, rng: random.Random) -> None:
    if victim == "bot":
        await it.bot.kill()
        it.bot.start(REDIS_URL=server.url)
        await it.bot.ready()
        return
    await server.kill()
    await anyio.sleep(rng.uniform(0, AWAY))
    await server.restart()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.redis", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--dies", choices=get_args(Victim), default="server")
    parser.add_argument("--memory", choices=[*get_args(Memory), "both"], default="both")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    chosen = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    well = True
    for memory in get_args(Memory) if chosen.memory == "both" else [chosen.memory]:
        with tempfile.TemporaryDirectory(prefix="yabot-redis-") as folder:

            async def run(memory: Memory = memory, folder: str = folder) -> Outcome:
                return await torment(
                    Path(folder),
                    kills=chosen.kills,
                    dies=chosen.dies,
                    memory=memory,
                    seed=chosen.seed,
                    people=chosen.people,
                )

            outcome = anyio.run(run)
        print(outcome.told())
        well = well and not outcome.broken
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
