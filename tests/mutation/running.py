"""Tests against one changed module, each run in a process forked from one that has imported pytest
and never the code under test.

Rule: the checkout is not touched. A fork reads the changed module from memory."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType

import anyio.pytest_plugin
import hypothesis
import pytest
import trio.testing

from tests.mutation.operators import Mutant

__all__ = ["Suite", "Verdict", "anyio", "run_all", "trio"]

ROOT = Path(__file__).parent.parent.parent
FORK = get_context("fork")

PATIENCE = 2.0
"""Seconds of the processor that a test may take beyond ten times what it takes without a change,
and ten times as many on the clock. A mutant that hangs is a mutant noticed."""
BETWEEN = 30.0
"""Such seconds for imports, collection, and what happens between two tests."""

ARGUMENTS = (
    *("-q", "--tb=no", "-p", "no:cacheprovider", "-o", "timeout=0"),
    *("-p", "anyio", "-p", "pytest_timeout", "-p", "_hypothesis_pytestplugin"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
"""No plugins but those in use, which are imported already; the limits of time are our own."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Which tests to run. `seconds`: what each takes without a change, the fastest first; those
    that are not in it come last."""

    tests: str
    only: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the tests noticed, and `by` which; what each test before it took, in seconds."""

    killed: bool
    by: str
    seconds: dict[str, float]


class _Mutated(MetaPathFinder, Loader):
    """Finds one module, and gives it another source than its file has."""

    def __init__(self, path: str, source: str) -> None:
        self._name = path.removesuffix(".py").replace("/", ".")
        self._path = ROOT / path
        self._source = source

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        return spec_from_file_location(name, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, self._path, "exec"), module.__dict__)


class _Watcher:
    """The pytest plugin of a run: fast tests first, a time limit for each, and an end at the first
    failure, since a changed runtime may not even be able to clean up."""

    def __init__(self, usual: Mapping[str, float], end: Callable[[str | None], None]) -> None:
        self._usual = usual
        self._place = {test: place for place, test in enumerate(usual)}
        self._end = end
        self.seconds: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        last = len(self._place)
        items.sort(key=lambda item: self._place.get(item.nodeid, last))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        _allow(PATIENCE + 10 * self._usual.get(nodeid, 1.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._end(report.nodeid)
        spent = self.seconds.get(report.nodeid, 0.0)
        self.seconds[report.nodeid] = spent + report.duration

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        _allow(BETWEEN)


def _allow(seconds: float) -> None:
    """End this process after so much more time. Nobody handles these signals, so it ends whatever
    Python is busy with."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, 10 * seconds)


def _test(suite: Suite, mutant: Mutant | None, answer: Connection) -> None:
    """The life of a fork: change the module, run the tests, tell what they said."""

    def end(failed: str | None) -> None:
        answer.send(Verdict(failed is not None, failed or "", watcher.seconds))
        os._exit(0)

    watcher = _Watcher(suite.seconds, end)
    _allow(BETWEEN)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(mutant.path, mutant.source))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    hypothesis.settings.register_profile(
        "mutation",
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    )
    hypothesis.settings.load_profile("mutation")
    code = pytest.main([*ARGUMENTS, "-k", suite.only, suite.tests], plugins=[watcher])
    end(f"exit code {code} of pytest" if code else None)


class _Trial:
    """One forked run."""

    def __init__(self, suite: Suite, mutant: Mutant | None) -> None:
        self.answer, theirs = FORK.Pipe(duplex=False)
        self._process = FORK.Process(target=_test, args=(suite, mutant, theirs))
        self._process.start()
        theirs.close()

    def verdict(self) -> Verdict:
        """What came of it, once there is an answer or nobody left to give one."""
        verdict = Verdict(True, "nothing ever: it had to be ended", {})
        with suppress(EOFError), self.answer:
            verdict = self.answer.recv()
        self._process.join()
        return verdict


def run_all(
    suite: Suite,
    wanted: Sequence[Mutant | None],
    *,
    jobs: int,
    done: Callable[[Mutant | None, Verdict], None],
) -> None:
    """Run the tests against each mutant (None: against the code as it is), `jobs` at a time."""
    waiting: Iterator[Mutant | None] = iter(wanted)
    running: list[tuple[Mutant | None, _Trial]] = []
    while True:
        while len(running) < jobs:
            try:
                mutant = next(waiting)
            except StopIteration:
                break
            running.append((mutant, _Trial(suite, mutant)))
        if not running:
            return
        ready = wait([trial.answer for _, trial in running])
        for mutant, trial in list(running):
            if trial.answer in ready:
                running.remove((mutant, trial))
                done(mutant, trial.verdict())
