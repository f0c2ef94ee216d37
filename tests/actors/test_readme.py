"""The READMEs of both libraries: their examples run, and their promises have tests."""

import logging
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import cast

import anyio
import pytest

from actors.testing import virtual_clock

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "actors" / "README.md", ROOT / "supervision" / "README.md"]


@pytest.fixture(autouse=True)
def no_log_of_expected_crashes() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_the_example_prints_what_it_says(
    readme: Path, backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"```python\n(.*?)```\n\n((?:    [^\n]*\n)+)", readme.read_text(), re.DOTALL)
    assert found is not None
    source, printed = found.groups()
    body, run, _ = source.rpartition("anyio.run(main)")
    assert run
    namespace: dict[str, object] = {"__name__": "example"}
    exec(compile(body, str(readme), "exec", dont_inherit=True), namespace)
    name, options = virtual_clock(backend)
    main = cast("Callable[[], Awaitable[None]]", namespace["main"])
    anyio.run(main, backend=name, backend_options=options)
    assert capsys.readouterr().out == re.sub("^    ", "", printed, flags=re.MULTILINE)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_each_promise_names_a_test_that_exists(readme: Path) -> None:
    named = re.findall(r"\| `(test_\w+)` \|", readme.read_text())
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("*/test_*.py"))
    assert len(named) > 10
    for name in named:
        assert f"def {name}(" in tests, name
