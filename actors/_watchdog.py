"""A thread that notices when a handler blocks the event loop, and says which one and where.

Rule: it only reports. A blocked loop cannot be unblocked from outside, but it can be named."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from actors._backend import Backend

log = logging.getLogger("actors")


@dataclass(frozen=True, slots=True)
class Blocked:
    """The event loop did nothing else for `seconds` (real time). `actor` is None where the stack
    shows no actor's handler."""

    actor: str | None
    seconds: float
    stack: str


class Watchdog:
    """Asks the event loop for a sign of life, and looks at its stack when none comes."""

    def __init__(self, limit: float) -> None:
        if limit <= 0:
            raise ValueError(f"the watchdog needs some seconds, not {limit}")
        self._limit = limit
        self._stopped = threading.Event()
        self._alive = threading.Event()
        self.observers: list[Callable[[Blocked], None]] = []
        self.count = 0

    def start(self, backend: Backend) -> None:
        """Watch the loop of the calling thread."""
        thread = threading.Thread(
            target=self._watch,
            args=(backend, threading.get_ident()),
            name="actors-watchdog",
            daemon=True,
        )
        thread.start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()
        self._alive.set()

    def _watch(self, backend: Backend, loop_thread: int) -> None:
        while not self._stopped.wait(self._limit / 2):
            self._alive.clear()
            asked = time.monotonic()
            _call(backend, self._alive.set)
            if self._alive.wait(self._limit):
                continue
            frame = sys._current_frames().get(loop_thread)
            actor = _actor_in(frame)
            stack = "".join(traceback.format_stack(frame))
            log.warning("actors.blocked", extra={"actor": actor, "stack": stack})
            self._alive.wait()
            blocked = Blocked(actor, time.monotonic() - asked, stack)
            if not self._stopped.is_set():
                _call(backend, partial(self._report, blocked))

    def _report(self, blocked: Blocked) -> None:
        self.count += 1
        for observer in self.observers:
            try:
                observer(blocked)
            except Exception:
                log.exception("actors.observer_failed")


def _call(backend: Backend, function: Callable[[], object]) -> None:
    """Call it in the loop's thread, unless the loop has just ended."""
    with suppress(RuntimeError):
        backend.call_from_thread(function)


def _actor_in(frame: FrameType | None) -> str | None:
    """The actor whose message the nearest worker on this stack handles."""
    from actors._workers import Workers

    while frame is not None:
        if frame.f_code is Workers._lead.__code__:
            cell = frame.f_locals.get("cell")
            return cell.name if cell is not None else None
        frame = frame.f_back
    return None
