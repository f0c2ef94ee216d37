"""Messages that an actor sends to itself later: a timer is the ticket of its own message.

Rule: after `cancel()`, or in a later incarnation, the message is not handled, even where it already
waits in the mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._dead_letters import Reason
from actors._errors import ActorError
from actors._messages import Envelope
from actors._ticket import Ticket

if TYPE_CHECKING:
    from actors._cell import Cell


class Timer(Ticket):
    """A message that an actor will send to itself, once or again and again."""

    __slots__ = ("_cell", "_message", "_period", "_slot", "_when")

    def __init__(self, cell: Cell, message: object, delay: float, period: float | None) -> None:
        super().__init__()
        self._cell = cell
        self._message = message
        self._period = period
        self._when = cell.kind.runtime.backend.now() + delay
        self._slot = cell.kind.runtime.wheel.add(self, self._when)
        if cell.timers is None:
            cell.timers = set()
        cell.timers.add(self)

    def cancel(self) -> None:
        """The message is not sent, and not handled if it was."""
        self.done = True
        self._cell.kind.runtime.wheel.discard(self, self._slot)
        if self._cell.timers is not None:
            self._cell.timers.discard(self)

    def expire(self) -> None:
        """The time has come (called by the wheel)."""
        runtime = self._cell.kind.runtime
        now = runtime.backend.now()
        if self._period is not None:
            missed = int((now - self._when) / self._period)
            self._when += self._period * (missed + 1)
            self._slot = runtime.wheel.add(self, self._when)
        else:
            self._cell.timers = (self._cell.timers or set()) - {self}
        try:
            taken = self._cell.post(Envelope(self._message, self._cell, self, now, None))
        except ActorError:
            taken = False
        if not taken:
            runtime.letters.record(Reason.DROPPED, self._cell.name, self._message)
