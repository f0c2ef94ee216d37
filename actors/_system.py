"""ActorSystem: the place where actors live. It owns one task group, and nothing outlives it.

Rule: leaving the block ends every actor, the last spawned first, and answers every ask."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio

from actors._backend import current_backend
from actors._cell import Cell, State
from actors._crash import Crash, OnCrash, OnExit, restart_at_once, stop_for_good
from actors._dead_letters import DeadLetter
from actors._errors import NameTaken
from actors._mailbox import Mailbox
from actors._ref import ActorRef
from actors._runtime import Kind, Runtime
from actors._snapshot import SystemSnapshot, active_cells, oldest_wait, top_by_depth
from actors._virtual import VirtualActors
from actors._watchdog import Blocked, Watchdog

if TYPE_CHECKING:
    from actors._actor import Actor

K = TypeVar("K", bound=Hashable)
M = TypeVar("M")

DEFAULT = Mailbox()


class ActorSystem:
    """An async context manager in whose block actors run.

    `drain` (seconds) bounds the graceful end when the block is left; an exception that leaves the
    block ends everything at once. `watchdog` (seconds, None for none) is how long a handler may
    block the event loop before it is reported."""

    def __init__(
        self, name: str = "system", *, drain: float = 5.0, watchdog: float | None = None
    ) -> None:
        self.name = name
        self._drain = drain
        self._watchdog = Watchdog(watchdog) if watchdog is not None else None
        self._owners: dict[str, Cell | VirtualActors[Any, Any]] = {}
        self._families: dict[str, VirtualActors[Any, Any]] = {}
        self._stack = AsyncExitStack()
        self._running = False
        self._kind: Kind | None = None
        self._runtime: Runtime

    async def __aenter__(self) -> Self:
        group = await self._stack.enter_async_context(anyio.create_task_group())
        self._runtime = Runtime(self, current_backend(), group)
        group.start_soon(self._runtime.wheel.run)
        self._running = True
        if self._watchdog is not None:
            self._watchdog.start(self._runtime.backend)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        try:
            if error is None:
                await self.stop(timeout=self._drain)
        finally:
            self._running = False
            if self._watchdog is not None:
                self._watchdog.stop()
            self._runtime.group.cancel_scope.cancel()
            try:
                swallowed = await self._stack.__aexit__(kind, error, traceback)
            finally:
                self._abandon()
        return swallowed

    async def stop(self, *, timeout: float) -> None:
        """End every actor gracefully, the last spawned first; all share one deadline."""
        self._runtime.stopping = True
        deadline = self._runtime.backend.now() + timeout
        while self._owners:
            name, owner = next(reversed(self._owners.items()))
            left = max(0.0, deadline - self._runtime.backend.now())
            if isinstance(owner, Cell):
                await ActorRef[object](owner).stop(timeout=left)
            else:
                await owner.stop(timeout=left)
            self._owners.pop(name, None)
            self._families.pop(name, None)

    def spawn(
        self,
        factory: Callable[[], Actor[M]],
        *,
        name: str,
        mailbox: Mailbox = DEFAULT,
        on_crash: OnCrash[M] | None = None,
        on_exit: OnExit = stop_for_good,
        held: bool = False,
    ) -> ActorRef[M]:
        """Start an actor; the factory makes each of its incarnations. Returns at once.

        With `held` the actor only takes mail until `ActorRef.resume()`. `on_exit` may turn a stop
        into a hold, as a supervisor does for what must run. Raises NameTaken."""
        self._must_run()
        cell = Cell(self._kind_for(mailbox, on_crash or restart_at_once, on_exit), name, factory)
        self._own(name, cell)
        if held:
            cell.wants = 0
            cell.state = State.HELD
            self._runtime.resting.add(cell)
        else:
            cell.want(0)
        return ActorRef(cell)

    def virtual(
        self,
        name: str,
        factory: Callable[[K], Actor[M]],
        *,
        mailbox: Mailbox = DEFAULT,
        idle: float = 300.0,
        limit: int = 100_000,
        pressed: Callable[[], bool] | None = None,
        on_crash: OnCrash[M] | None = None,
    ) -> VirtualActors[K, M]:
        """Declare a family of actors by key; the factory makes the incarnations of a key.

        One that had no message for `idle` seconds is passivated; at most `limit` live at a time.
        `pressed` is asked every second whether memory is short, as `memory_above(...)` does; while
        it is, those that have been idle longest go, a thousand at a time. Raises NameTaken."""
        self._must_run()
        family = VirtualActors(
            self._runtime,
            name,
            factory,
            mailbox=mailbox,
            idle=idle,
            limit=limit,
            pressed=pressed,
            on_crash=on_crash or restart_at_once,
        )
        self._own(name, family)
        self._families[name] = family
        return family

    def _must_run(self) -> None:
        if not self._running:
            raise RuntimeError(f"the system {self.name} does not run: it lives inside `async with`")

    def _kind_for(self, mailbox: Mailbox, on_crash: OnCrash[Any], on_exit: OnExit) -> Kind:
        """Like the last one where it may be: who spawns many actors, spawns them alike."""
        kind = self._kind
        if (
            kind is None
            or kind.mailbox != mailbox
            or kind.on_crash is not on_crash
            or kind.on_exit is not on_exit
        ):
            kind = self._kind = Kind(self._runtime, mailbox, on_crash, self._ended, on_exit)
        return kind

    def _own(self, name: str, owner: Cell | VirtualActors[Any, Any]) -> None:
        if name in self._owners:
            raise NameTaken(name)
        self._owners[name] = owner

    def _ended(self, cell: Cell) -> None:
        del self._owners[cell.name]

    def _ref_of(self, cell: Cell) -> ActorRef[Any]:
        family = cell.kind.family
        return ActorRef(cell) if family is None else family.ref(cell.key)

    def _abandon(self) -> None:
        """End whatever a cancellation left behind: answer its asks, turn down its mail, and tell
        those who wait for its end, who may be what the cancellation waits for (for the runtime)."""
        self._running = False
        for owner in self._owners.values():
            for cell in [owner] if isinstance(owner, Cell) else owner._close():
                cell.room = 0
                cell.state = State.ENDED
                cell.reject_all()
                cell.wake_waiters()
        self._owners.clear()
        self._families.clear()

    def on_dead_letter(self, callback: Callable[[DeadLetter], None]) -> None:
        """Call `callback` for every further dead letter. It must not wait; errors are logged."""
        self._runtime.letters.observe(callback)

    def on_crash(self, callback: Callable[[Crash], None]) -> None:
        """Call `callback` for every further crash. It must not wait; its errors are logged."""
        self._runtime.crash_observers.append(callback)

    def on_blocked(self, callback: Callable[[Blocked], None]) -> None:
        """Call `callback` after a handler has blocked the event loop, if there is a watchdog."""
        if self._watchdog is None:
            raise ValueError("this system has no watchdog: pass watchdog=<seconds> to ActorSystem")
        self._watchdog.observers.append(callback)

    def now(self) -> float:
        """The clock of deadlines and delays, in seconds."""
        return self._runtime.backend.now()

    def snapshot(self) -> SystemSnapshot:
        """What the system does now."""
        runtime, workers = self._runtime, self._runtime.workers
        cells = active_cells(runtime)
        families = self._families.values()
        return SystemSnapshot(
            name=self.name,
            actors=len(self._owners) - len(families) + sum(map(len, families)),
            handled=workers.handled,
            waits=workers.waits.read(),
            handlings=workers.handlings.read(),
            waiting=sum(cell.depth for cell in cells),
            oldest_wait=oldest_wait(runtime, cells),
            ready=len(workers.ready),
            workers=len(workers.all),
            busy=len(workers.all) - len(workers.idle),
            resting=len(runtime.resting),
            crashes=runtime.crashes,
            restarts=runtime.restarts,
            blocked=self._watchdog.count if self._watchdog is not None else 0,
            dead_letters=runtime.letters.counts(),
            top=top_by_depth(runtime, cells),
            families=tuple(family.statistics() for family in families),
        )
