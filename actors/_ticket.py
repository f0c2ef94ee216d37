"""The claim that goes with some messages: an asker waits, or a timer may yet be cancelled.

Rule: a ticket is settled once. Whatever comes later, a reply or a deadline, vanishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._errors import AskCycle, AskTimeout

if TYPE_CHECKING:
    from actors._backend import Waiter
    from actors._cell import Cell
    from actors._messages import Envelope


class Ticket:
    """The base: a message whose ticket is `done` is not handled any more."""

    __slots__ = ("deadline", "done")

    def __init__(self, deadline: float | None = None) -> None:
        self.done = False
        self.deadline = deadline

    def resolve(self, value: object) -> None:
        """The message was handled."""

    def fail(self, error: BaseException) -> bool:  # noqa: ARG002 - nobody waits for it here
        """The message was not handled. True where it needs no dead letter: somebody was told, or
        the message was called off."""
        return self.done


class Answer(Ticket):
    """The place where one asker waits."""

    __slots__ = ("asker", "error", "target", "timeout", "value", "waiter")

    def __init__(
        self, target: Cell, asker: Envelope | None, waiter: Waiter, timeout: float, deadline: float
    ) -> None:
        self.done = False
        self.deadline = deadline
        self.target = target
        self.asker = asker
        self.waiter = waiter
        self.timeout = timeout
        self.value: object = None
        self.error: BaseException | None = None

    def resolve(self, value: object) -> None:
        if not self.done:
            self.done = True
            self.value = value
            self.target.kind.runtime.backend.wake(self.waiter)

    def fail(self, error: BaseException) -> bool:
        if self.done:
            return False
        self.done = True
        self.error = error
        self.target.kind.runtime.backend.wake(self.waiter)
        return True

    def expire(self) -> None:
        """The deadline has come (called by the wheel)."""
        self.fail(AskTimeout(self.target.name, self.timeout))


def refuse_cycle(target: Cell, envelope: Envelope | None) -> None:
    """Raise AskCycle where `target` is one of those who wait for the handler of `envelope`.

    The chain is followed only through handlers that are still at work, so a task that outlived
    its handler is no part of it."""
    names = [target.name]
    while envelope is not None:
        cell = envelope.target
        if cell is None or cell.handling is not envelope:
            return
        names.append(cell.name)
        if cell is target:
            raise AskCycle(tuple(reversed(names)))
        envelope = envelope.ticket.asker if isinstance(envelope.ticket, Answer) else None
