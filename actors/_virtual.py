"""VirtualActors: a family of actors by key, activated by a message and passivated when idle.

Rule: a key has at most one cell, found or made in one step without an await. The cell stays in
place while its actor stops, so a message that comes meanwhile simply starts the actor again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio.lowlevel

from actors._cell import PASSIVATE, STOP, Cell, State
from actors._errors import ActorStopped, TooManyActors
from actors._incarnation import may_passivate
from actors._ref import ActorRef, VirtualRef
from actors._runtime import Kind
from actors._snapshot import VirtualStatistics, active_cells, oldest_wait, top_by_depth
from actors._wheel import SLOT

if TYPE_CHECKING:
    from actors._actor import Actor
    from actors._crash import OnCrash
    from actors._mailbox import Mailbox
    from actors._runtime import Runtime

K = TypeVar("K", bound=Hashable)
M = TypeVar("M")

SWEEPS = 16
"""How often a family looks for idle actors within one idle time."""
SWEEP_AT_ONCE = 1000
"""Actors that one step of a sweep asks to go."""
EVICT_LOOKS = 64
"""Actors that are looked at for one that can make room."""
PRESSURE_LOOK = 1.0
"""Seconds between two questions whether memory is short."""


class VirtualActors(Generic[K, M]):
    """A family of virtual actors; made by `ActorSystem.virtual`."""

    def __init__(
        self,
        runtime: Runtime,
        name: str,
        factory: Callable[[K], Actor[M]],
        *,
        mailbox: Mailbox,
        idle: float,
        limit: int,
        pressed: Callable[[], bool] | None,
        on_crash: OnCrash[M],
    ) -> None:
        self.name = name
        self._cells: OrderedDict[Hashable, Cell] = OrderedDict()
        self._kind = Kind(
            runtime,
            mailbox,
            on_crash,
            self._ended,
            make=factory,
            prefix=f"{name}/",
            family=cast(Any, self),
        )
        self._runtime = runtime
        self._idle = idle
        self._limit = limit
        self._closed = False
        self._sweeping = False
        self._pressure = _Pressure(self._relieve, pressed) if pressed is not None else None
        self._leaving: set[Cell] = set()
        self.activated = 0
        self.passivated = 0

    def ref(self, key: K) -> ActorRef[M]:
        """The ref of the actor with this key; nothing happens until its first message."""
        return VirtualRef(cast("VirtualActors[Hashable, M]", self), key)

    def __len__(self) -> int:
        return len(self._cells)

    def cells(self) -> list[Cell]:
        """The live cells (for the runtime)."""
        return list(self._cells.values())

    def _close(self) -> list[Cell]:
        """Activate nothing more; returns the live cells."""
        self._closed = True
        return self.cells()

    def _cell(self, key: Hashable) -> Cell:
        cell = self._cells.get(key)
        return cell if cell is not None else self._activate(key)

    def _activate(self, key: Hashable) -> Cell:
        if self._closed:
            raise ActorStopped(f"{self.name}/{key}")
        while len(self._cells) - len(self._leaving) >= self._limit:
            self._evict()
        cell = self._cells[key] = Cell(self._kind, key)
        cell.used = self._runtime.backend.now()
        self.activated += 1
        if not self._sweeping:
            self._sweeping = True
            self._runtime.wheel.add(self, cell.used + self._idle)
        if self._pressure is not None and not self._pressure.looking:
            self._pressure.looking = True
            self._runtime.wheel.add(self._pressure, cell.used + PRESSURE_LOOK)
        return cell

    def _evict(self) -> None:
        """Begin to passivate the actor that has been idle longest, to make room for another."""
        if len(self._leaving) < max(1, self._limit // 4):
            for _ in range(min(EVICT_LOOKS, len(self._cells))):
                cell = self._oldest()
                self._cells.move_to_end(cell.key)
                if not cell.scheduled and may_passivate(cell):
                    self._leaving.add(cell)
                    cell.want(PASSIVATE)
                    return
        raise TooManyActors(self.name, limit=self._limit, retry_after=self._idle / SWEEPS)

    def _oldest(self) -> Cell:
        return next(iter(self._cells.values()))

    def touch(self, cell: Cell) -> None:
        """Note that a cell has just been served."""
        self._leaving.discard(cell)
        if cell.state is not State.ENDED:
            now = self._runtime.backend.now()
            if now - cell.used > self._idle / SWEEPS:
                cell.used = now
                self._cells.move_to_end(cell.key)

    def _ended(self, cell: Cell) -> None:
        self._leaving.discard(cell)
        del self._cells[cell.key]

    def expire(self) -> None:
        """Ask those that have been idle for long enough to go (called by the wheel)."""
        now = self._runtime.backend.now()
        pause = self._idle / SWEEPS
        for _ in range(min(SWEEP_AT_ONCE, len(self._cells))):
            cell = self._oldest()
            if cell.used + self._idle > now:
                pause = max(pause, cell.used + self._idle - now)
                break
            cell.used = now
            self._cells.move_to_end(cell.key)
            if not cell.scheduled:
                cell.want(PASSIVATE)
        else:
            pause = SLOT if self._cells else pause
        self._sweeping = bool(self._cells)
        if self._sweeping:
            self._runtime.wheel.add(self, now + pause)

    def _relieve(self, pressed: bool) -> bool:
        """Where memory is short, ask those that have been idle longest to go; True: look again."""
        for _ in range(min(SWEEP_AT_ONCE, len(self._cells)) if pressed else 0):
            cell = self._oldest()
            self._cells.move_to_end(cell.key)
            if not cell.scheduled:
                cell.want(PASSIVATE)
        if self._cells and self._pressure is not None:
            self._runtime.wheel.add(self._pressure, self._runtime.backend.now() + PRESSURE_LOOK)
        return bool(self._cells)

    async def stop(self, *, timeout: float) -> None:
        """Activate nothing more, let every live actor handle its mail and end; at the deadline the
        handlers are cancelled and the rest of the mail is turned down."""
        cells = self._close()
        deadline = self._runtime.backend.now() + timeout
        for number, cell in enumerate(cells, 1):
            cell.room = 0
            cell.want(STOP)
            self._runtime.wheel.add(cell, deadline)
            if number % SWEEP_AT_ONCE == 0:
                await anyio.lowlevel.checkpoint()
        for cell in cells:
            while cell.state is not State.ENDED:
                await cell.wait_change()

    def statistics(self) -> VirtualStatistics:
        """What the family does now."""
        own = [cell for cell in active_cells(self._runtime) if cell.kind is self._kind]
        return VirtualStatistics(
            name=self.name,
            live=len(self._cells),
            activated=self.activated,
            passivated=self.passivated,
            full=sum(cell.depth >= self._kind.capacity for cell in own),
            oldest_wait=oldest_wait(self._runtime, own),
            top=top_by_depth(self._runtime, own),
        )


class _Pressure:
    """Asks every second, for as long as a family has actors, whether memory is short."""

    __slots__ = ("_pressed", "_relieve", "looking")

    def __init__(self, relieve: Callable[[bool], bool], pressed: Callable[[], bool]) -> None:
        self._relieve = relieve
        self._pressed = pressed
        self.looking = False

    def expire(self) -> None:
        self.looking = self._relieve(self._pressed())
