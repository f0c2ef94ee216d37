"""How much memory a process holds, and whether that is too much."""

import resource
import sys
from pathlib import Path

import pytest

from actors import _memory, memory_above, resident_memory


def test_memory_that_is_taken_is_seen() -> None:
    before = resident_memory()
    taken = bytearray(b"x" * 64_000_000)
    assert resident_memory() - before > 48_000_000
    assert memory_above(before + 48_000_000)()
    assert not memory_above(1 << 50)()
    assert len(taken) == 64_000_000


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_where_the_system_does_not_tell_it_is_the_most_there_ever_was(
    platform: str, unit: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_memory, "STATM", tmp_path / "none")
    monkeypatch.setattr(sys, "platform", platform)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert resident_memory() >= most
