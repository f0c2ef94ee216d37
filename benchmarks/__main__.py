"""`make bench`: every benchmark, or those that are named."""

import argparse
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks import actors, breaker, commit, events, memory, mongo_away
from benchmarks.api import compare as api
from benchmarks.street import compare as street

BENCHMARKS: Mapping[str, Callable[[], object]] = {
    "actors": actors.compare,
    "breaker": breaker.compare,
    "street": street.compare,
    "api": api.compare,
    "memory": memory.measure,
    "mongo": mongo_away.measure,
    "events": events.measure,
    "commit": commit.measure,  # last: it retunes the collector of this process
}
QUICK: Mapping[str, Callable[[], object]] = {
    "actors": partial(actors.compare, rounds=1, fewer=10),
    "breaker": partial(breaker.compare, rounds=1, calls=2000),
    "street": partial(street.compare, rounds=1, people=200),
    "api": partial(api.compare, rounds=1, seconds=2.0, connections=500),
    "memory": partial(memory.measure, stored=3000, live=500),
    "mongo": partial(mongo_away.measure, seconds=5),
    "events": partial(events.measure, seconds=5),
    "commit": partial(commit.measure, seconds=5),
}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="all when left out")
    parser.add_argument("--quick", action="store_true", help="one small round, to see that it runs")
    arguments = parser.parse_args()
    for name in arguments.names or BENCHMARKS:
        (QUICK if arguments.quick else BENCHMARKS)[name]()


if __name__ == "__main__":
    main()
