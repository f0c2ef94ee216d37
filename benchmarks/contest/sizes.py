"""How much of everything a measure does, and the clock that it is measured with."""

import gc
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import process_time
from typing import TypeAlias

BURST = 1000
"""Messages sent before the sender waits for the last of them to be handled."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """A full run, unless a field says otherwise."""

    messages: int = 200_000
    asks: int = 20_000
    askers: int = 1_000
    actors: int = 10_000
    rounds: int = 20
    idle: int = 100_000
    flood: int = 100_000
    keys: int = 1_000_000
    cap: int = 100_000

    def fewer(self, times: int) -> "Sizes":
        """The same with so many times fewer messages and actors, for a quick look."""
        return Sizes(
            messages=self.messages // times,
            asks=self.asks // times,
            askers=self.askers,
            actors=self.actors // times,
            rounds=self.rounds,
            idle=self.idle // times,
            flood=self.flood // times,
            keys=self.keys // times,
            cap=self.cap // times,
        )


Measure: TypeAlias = Callable[[Sizes], Awaitable[dict[str, float]]]
Measures: TypeAlias = Mapping[str, Measure]


class Stopwatch:
    """CPU seconds of this process: what others do on the machine meanwhile does not count, nor
    what the collector would yet do about that which was made before."""

    def __init__(self) -> None:
        gc.collect()
        self._began = process_time()

    def per_second(self, count: int) -> dict[str, float]:
        """A rate, since the stopwatch was made."""
        return {"per_s": count / (process_time() - self._began)}

    def microseconds_each(self, count: int) -> float:
        """Microseconds of each of `count`."""
        return (process_time() - self._began) * 1e6 / count
