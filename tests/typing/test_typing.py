"""Typed messages have typed answers: mypy finds each mistake of the examples, and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = Path(__file__).parent / "answers.py"

MARK = re.compile(r"  # type: ignore\[([a-z-]+)\]")
ERROR = re.compile(r":(\d+): error: .*  \[([a-z-]+)\]$", re.MULTILINE)


def errors(source: str, folder: Path) -> set[tuple[int, str]]:
    """(line, code) of what mypy finds wrong."""
    example, settings = folder / "example.py", folder / "mypy.ini"
    example.write_text(source)
    settings.write_text("[mypy]\nstrict = true\nwarn_unreachable = true\n")
    command = (
        *(sys.executable, "-m", "mypy", "--config-file", str(settings)),
        *("--cache-dir", str(folder / "cache"), "--no-pretty", str(example)),
    )
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return {(int(line), code) for line, code in ERROR.findall(done.stdout)}


def test_mypy_finds_each_mistake_that_is_marked_and_nothing_else(tmp_path: Path) -> None:
    lines = EXAMPLES.read_text().splitlines()
    marked = {
        (number, mark[1]) for number, line in enumerate(lines, 1) if (mark := MARK.search(line))
    }
    assert {code for _, code in marked} >= {"arg-type", "assignment", "call-arg", "override"}
    assert errors(MARK.sub("", EXAMPLES.read_text()), tmp_path) == marked
