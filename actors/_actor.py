"""Actor: what a user of this package writes.

    user's class                 runtime
    ────────────                 ───────
    __init__          ◀───────   a new incarnation: at spawn, at activation, after a crash
    started()         ◀───────   before the first message
    run()             ◀───────   a task of its own, until the incarnation ends
    receive(message)  ◀───────   one message at a time, each inside a task
    stopping()        ◀───────   before a graceful end or a passivation
    restarting(error) ◀───────   instead of stopping(), after a crash

Rule: whatever an incarnation keeps in `self` is gone after a crash; the mail is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn, TypeVar

from actors._errors import UnhandledMessage
from actors._ref import ActorRef
from actors._timers import Timer

if TYPE_CHECKING:
    from actors._cell import Cell
    from actors._system import ActorSystem

M = TypeVar("M", contravariant=True)
M_self = TypeVar("M_self")


class Actor(Generic[M]):
    """The behaviour of an actor that takes messages of type M."""

    __slots__ = ("_cell",)

    answers: ClassVar[tuple[type[Exception], ...]] = ()
    """Exceptions that are answers and no crashes: the asker gets them as they are."""
    isolated: ClassVar[bool] = False
    """Give each message a context of its own, so that no handler sees the context variables
    that another one set."""

    _cell: Cell

    @property
    def ref(self) -> ActorRef[M]:
        """The handle to give to others. Set before `started()`, not yet in `__init__`."""
        return self._cell.kind.runtime.system._ref_of(self._cell)

    @property
    def system(self) -> ActorSystem:
        """The system that this actor lives in. Set before `started()`, not yet in `__init__`."""
        return self._cell.kind.runtime.system

    async def started(self) -> None:
        """Get ready. The first message is handled after this returns; raising is a crash."""

    async def run(self) -> None:
        """Work in the background until cancelled; returning is fine, raising is a crash.

        It runs beside `receive`: to change the actor's state, send a message to `self.ref`."""

    async def receive(self, message: M) -> object:
        """Handle one message; what it returns is the answer to an ask."""
        self.unhandled(message)

    async def stopping(self) -> None:
        """Finish: called before a graceful end or a passivation, and in a killed actor for at most
        a second."""

    async def restarting(self, error: Exception) -> None:
        """Free what this incarnation holds: it has crashed with `error`."""

    def may_passivate(self) -> bool:
        """False keeps an idle virtual actor in memory."""
        return True

    def unhandled(self, message: object) -> NoReturn:
        """There is no case for this message: its asker is told, or it becomes a dead letter."""
        raise UnhandledMessage(self._cell.name, message)

    def after(self, delay: float, message: M) -> Timer:
        """Send `message` to this actor once, `delay` seconds from now."""
        return Timer(self._cell, message, delay, None)

    def every(self, period: float, message: M) -> Timer:
        """Send `message` to this actor every `period` seconds; missed ticks are skipped."""
        if period <= 0:
            raise ValueError(f"a period is longer than nothing, not {period}")
        return Timer(self._cell, message, period, period)

    def stash(self) -> None:
        """Set the message that is being handled aside, until `unstash()` or a restart.

        Raises StashFull beyond the capacity of the mailbox."""
        self._cell.set_aside()

    def unstash(self) -> None:
        """Handle what was set aside before all other mail, in its order."""
        self._cell.unstash()

    def watch(self, ref: ActorRef[M_self], notice: M) -> None:
        """Get `notice` when the actor behind `ref` has ended; at once if it has."""
        ref._watch(self._cell, notice)
