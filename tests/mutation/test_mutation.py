"""The short form of `python -m tests.mutation`: a few grave mistakes in each package are noticed,
and the tests that notice them pass on the code as it is."""

import subprocess
import sys

import pytest

from tests.mutation.lists import KNOWN
from tests.mutation.operators import mutants
from tests.mutation.running import ROOT

FEW = {
    "actors": "not trio and (mailbox or stopping or virtual or tell_and_ask)",
    "supervision": "not trio and (pure_parts or trees)",
}
"""The asyncio half of the fast tests."""

SOURCE = '''
def admit(line, room):
    """Let those in for whom there is room."""
    while line and len(line) <= room - 1:
        log.info("one more")
        line.pop()
    assert line is not None
    return not line
'''


def test_a_mutant_is_one_small_mistake_in_what_a_function_does() -> None:
    assert [mutant.name for mutant in mutants("example.py", SOURCE)] == [
        "admit: while line and len(line) <= room - 1: => while line or len(line) <= room - 1:",
        "admit: while line and len(line) <= room - 1: => while len(line) <= room - 1:",
        "admit: while line and len(line) <= room - 1: => while line:",
        "admit: while line and len(line) <= room - 1: => while line and len(line) < room - 1:",
        "admit: while line and len(line) <= room - 1: => while line and len(line) > room - 1:",
        "admit: while line and len(line) <= room - 1: => while line and len(line) <= room + 1:",
        "admit: while line and len(line) <= room - 1: => while line and len(line) <= room - 2:",
        "admit: while line and len(line) <= room - 1: => while line and len(line) <= room - 0:",
        "admit: line.pop() => pass",
        "admit: return not line => return None",
        "admit: return not line => return line",
    ]


@pytest.mark.parametrize("package", sorted(KNOWN))
def test_grave_mistakes_are_noticed(package: str) -> None:
    command = (sys.executable, "-m", "tests.mutation", package, "--known", "--only", FEW[package])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(KNOWN[package])
    assert f"{count} of {count} mutants noticed (100.0%)" in done.stdout
