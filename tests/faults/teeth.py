"""Do the checks bite? The bot runs with one protection taken away; whatever breaks must be seen.

    python -m tests.faults.teeth

The rule: a mutant that must break a promise and is not noticed is a fault of the checks. Some must
not break any: where two protections stand behind each other, one of them is enough.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.faults import mutants
from tests.faults.crash import Outcome, crash
from tests.faults.recording import recording
from tests.faults.street import MODES
from tests.forks import Entry

SHORT = 4.0
"""Seconds after which a person gives up where giving up is what is waited for."""

LONG = 45.0


@dataclass(frozen=True)
class Bite:
    """A bot to try, and words of which the checks must say one; none when nothing may break."""

    entry: Entry
    says: Sequence[str] = ()
    modes: Sequence[str] = MODES

    async def try_it(self, folder: Path, *, mode: str, kills: int, seed: int = 1) -> Outcome:
        """Kill it under load."""
        return await crash(
            folder,
            mode=mode,
            kills=kills,
            seed=seed,
            people=10,
            patience=SHORT if self.says else LONG,
            entry=self.entry,
        )

    def noticed(self, outcome: Outcome) -> bool:
        """Whether the checks said what they must."""
        if not self.says:
            return not outcome.broken
        return any(word in line for line in outcome.broken for word in self.says)


BITES = {
    "nothing taken away": Bite(recording),
    "updates are not marked": Bite(mutants.unmarked, ["choices too many"]),
    "versions are not guarded": Bite(mutants.unguarded),
    "an actor forgets": Bite(mutants.forgetful),
    "an actor forgets, versions are not guarded": Bite(
        mutants.forgetful_and_unguarded, ["choices lost"]
    ),
    "calls are marked before they are sent": Bite(mutants.hasty, ["never answered", "waited"]),
    "events are marked before they are told": Bite(
        mutants.careless, ["was told before", "never told"]
    ),
    # A webhook brings one update at a time, so there is no newest one.
    "the newest update comes first": Bite(
        mutants.newest_first, ["choices lost", "choices out of order"], ["polling"]
    ),
}


def main() -> int:
    """Try every one by polling and by webhook."""
    well = True
    for name, bite in BITES.items():
        for mode in bite.modes:
            with tempfile.TemporaryDirectory(prefix="yabot-teeth-") as folder:

                async def run(bite: Bite = bite, mode: str = mode, folder: str = folder) -> Outcome:
                    return await bite.try_it(Path(folder), mode=mode, kills=4)

                outcome = anyio.run(run)
            noticed = bite.noticed(outcome)
            well = well and noticed
            wanted = f"must say {' or '.join(bite.says)}" if bite.says else "must be well"
            print(f"{'ok  ' if noticed else 'FAIL'}  {name} ({wanted})")
            print(f"      {outcome.told().splitlines()[0]}")
            for line in outcome.broken[:3]:
                print(f"        {line}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
