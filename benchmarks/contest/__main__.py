"""One measure of one contestant, in this process: prints its figures as JSON.

python -m benchmarks.contest ours tell asyncio 1
"""

import json
import sys
from importlib import import_module

import anyio

from benchmarks.contest.sizes import Measures, Sizes


def main(contestant: str, measure: str, loop: str, fewer: int) -> dict[str, float]:
    """Take the measure on an event loop: "asyncio" or "uvloop". Empty where there is no such."""
    measures: Measures = import_module(f"benchmarks.contest.{contestant}").MEASURES
    if measure not in measures:
        return {}
    return anyio.run(
        measures[measure],
        Sizes().fewer(fewer),
        backend_options={"use_uvloop": loop == "uvloop"},
    )


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))))
