"""`make bench`: every benchmark, or those that are named."""

import argparse
from collections.abc import Callable

from benchmarks.street import compare as street

BENCHMARKS: dict[str, Callable[[], object]] = {"street": street.compare}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="all when left out")
    for name in parser.parse_args().names or BENCHMARKS:
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
