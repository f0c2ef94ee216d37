"""A short run of the fuzzer; `python -m tests.api.fuzz --cases 2000` is the long one."""

from pathlib import Path

import pytest

from tests.api.fuzz import fuzz


@pytest.mark.anyio
async def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    findings = await fuzz(350, tmp_path, people=12, phases="fuzzing,stateful")
    assert findings.clean, findings.told
    assert findings.cases > 300
