"""`python -m benchmarks.api [--quick]`."""

import sys

from benchmarks.api.compare import compare

if __name__ == "__main__":
    if "--quick" in sys.argv:
        compare(rounds=1, seconds=2.0, connections=500)
    else:
        compare()
