"""Processes that start in tenths of a second, where a fresh interpreter takes seconds.

They are forked from a process that has imported everything (`tests.preloaded`) and has done nothing
else. The rule: a fork sees no more of its parent than a fresh process would.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Protocol

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["tests.preloaded"])

Entry = Callable[[], object]
"""What a process runs: a function of a module; `sys.argv` is set for it."""


class Running(Protocol):
    """A process by its handle; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def kill(self) -> None: ...
    def send_signal(self, sig: int, /) -> None: ...


class Forked:
    """A process forked from the one that has imported everything."""

    def __init__(
        self,
        entry: Entry,
        argv: list[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: tuple[Path, Path],
    ) -> None:
        arguments = (entry, argv, str(cwd), dict(env), [str(path) for path in output])
        self._process: ForkServerProcess = FORKS.Process(target=_enter, args=arguments)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)


def _enter(
    entry: Entry, argv: list[str], cwd: str, env: dict[str, str], output: Sequence[str]
) -> None:
    """Become the process: its environment, folder and output, then its program."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.argv = argv
    for number, path in enumerate(output, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.exit(entry())  # type: ignore[arg-type]
