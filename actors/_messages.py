"""A message and what travels with it: who caused it, when it was sent, who waits for its answer.

Rule: what only some readers need is made when they ask. That goes for the envelope too: a message
that no handler sent, and for whose answer nobody waits, travels bare where others are before it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from uuid import uuid4

if TYPE_CHECKING:
    from actors._cell import Cell
    from actors._ticket import Ticket

R = TypeVar("R")

_numbers = count(1)


Slip: TypeAlias = list[Any]
"""Stands for the envelope of a message that came bare, because it costs a quarter of one:
[message, cell, time], and once somebody asked, [envelope]. Each message has a list of its own: by
it a task that its handler leaves behind finds this message, whatever is handled meanwhile."""


class Message(Generic[R]):
    """The base of a message that has an answer: `class GetBalance(Message[int])` is answered
    with an int. Subclasses are usually frozen dataclasses with slots."""

    __slots__ = ()


class Trace:
    """What all descendants of one first message share."""

    __slots__ = ("correlation_id", "traceparent")

    def __init__(self, correlation_id: str | None = None, traceparent: str | None = None) -> None:
        self.correlation_id = correlation_id or uuid4().hex
        self.traceparent = traceparent


class Envelope:
    """A message on its way. Handlers read theirs with `current_envelope()`."""

    __slots__ = ("_number", "causation", "enqueued", "message", "target", "ticket", "trace")

    def __init__(
        self,
        message: object,
        target: Cell | None,
        ticket: Ticket | None,
        enqueued: float,
        parent: Envelope | Slip | None,
    ) -> None:
        self.message = message
        self.target = target
        self.ticket = ticket
        self.enqueued = enqueued
        """When it was sent, on the system's clock; to within one turn of its actor where others
        waited, no handler sent it and nobody waits for its answer."""
        self._number = 0
        if parent is None:
            self.trace: Trace | None = None
            self.causation = 0
        else:
            if type(parent) is not Envelope:
                parent = opened(parent)
            self.trace = parent.trace or parent.begin_trace()
            self.causation = parent._number or parent.number

    @property
    def number(self) -> int:
        """This message's number, unique in the process; assigned when it is first needed."""
        if not self._number:
            self._number = next(_numbers)
        return self._number

    @property
    def causation_id(self) -> int | None:
        """The number of the message whose handler sent this one; None for a first message."""
        return self.causation or None

    @property
    def correlation_id(self) -> str:
        """Shared by a first message and everything that it set off."""
        return (self.trace or self.begin_trace()).correlation_id

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context that the first sender gave, if any."""
        return self.trace.traceparent if self.trace is not None else None

    @property
    def deadline(self) -> float | None:
        """When the asker stops waiting, on the system's clock; None for a tell."""
        return self.ticket.deadline if self.ticket is not None else None

    def begin_trace(self) -> Trace:
        """Make the trace that a first message starts."""
        self.trace = Trace()
        return self.trace


def opened(here: Envelope | Slip) -> Envelope:
    """The one envelope that a slip stands for; made at the first call."""
    if isinstance(here, Envelope):
        return here
    if len(here) > 1:
        message, cell, enqueued = here
        here[:] = [Envelope(message, cell, None, enqueued, None)]
        if cell.handling is here:
            cell.handling = here[0]
    envelope: Envelope = here[0]
    return envelope


current: ContextVar[Envelope | Slip | None] = ContextVar("actors.current_envelope", default=None)
get_current = current.get
"""Looked up once: every message asks for it."""


def current_envelope() -> Envelope | None:
    """The envelope of the message that is being handled here; None outside a handler."""
    here = get_current()
    return opened(here) if here is not None else None


@contextmanager
def origin(
    *, correlation_id: str | None = None, traceparent: str | None = None
) -> Iterator[Envelope]:
    """Messages sent inside this block carry these ids, as does everything that they set off."""
    root = Envelope(None, None, None, 0.0, None)
    root.trace = Trace(correlation_id, traceparent)
    token = current.set(root)
    try:
        yield root
    finally:
        current.reset(token)
