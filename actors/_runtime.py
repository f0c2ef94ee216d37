"""What all cells of one system share: loop, wheel, workers, dead letters and counters."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors._backend import Backend
from actors._crash import Crash, OnCrash, OnExit, stop_for_good
from actors._dead_letters import DeadLetters
from actors._mailbox import Mailbox
from actors._wheel import Wheel
from actors._workers import Workers

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from actors._actor import Actor
    from actors._cell import Cell
    from actors._system import ActorSystem
    from actors._virtual import VirtualActors

log = logging.getLogger("actors")


class Runtime:
    """The machinery of one running system."""

    def __init__(self, system: ActorSystem, backend: Backend, group: TaskGroup) -> None:
        self.system = system
        self.backend = backend
        self.group = group
        self.workers = Workers(backend, group, system._abandon)
        self.wheel = Wheel(backend.now)
        self.letters = DeadLetters()
        self.crash_observers: list[Callable[[Crash], None]] = []
        self.resting: set[Cell] = set()
        """Cells that are held or wait for a restart: they may have mail and yet are not ready."""
        self.stopping = False
        self.crashes = 0
        self.restarts = 0

    def crashed(self, crash: Crash) -> None:
        """Count a crash, log it and show it to the observers."""
        self.crashes += 1
        log.warning(
            "actors.crashed",
            extra={"actor": crash.actor, "decision": repr(crash.decision)},
            exc_info=crash.error,
        )
        for observer in self.crash_observers:
            try:
                observer(crash)
            except Exception:
                log.exception("actors.observer_failed")


class Kind:
    """What all actors of one origin share, so that an idle actor need not hold it."""

    __slots__ = (
        "_make",
        "capacity",
        "ended",
        "family",
        "mailbox",
        "now",
        "on_crash",
        "on_exit",
        "prefix",
        "runtime",
        "workers",
    )  # fmt: skip

    def __init__(
        self,
        runtime: Runtime,
        mailbox: Mailbox,
        on_crash: OnCrash[Any],
        ended: Callable[[Cell], None],
        on_exit: OnExit = stop_for_good,
        make: Callable[[Any], Actor[Any]] | None = None,
        prefix: str = "",
        family: VirtualActors[Any, Any] | None = None,
    ) -> None:
        self.runtime = runtime
        self.workers = runtime.workers
        self.now = runtime.backend.now
        self._make = make
        self.mailbox = mailbox
        self.capacity = mailbox.capacity
        self.on_crash = on_crash
        self.ended = ended
        self.on_exit = on_exit
        self.prefix = prefix
        self.family = family

    def make(self, cell: Cell) -> Actor[Any]:
        """A new incarnation of a cell's actor."""
        if self._make is not None:
            return self._make(cell.key)
        assert cell.factory is not None
        return cell.factory()
