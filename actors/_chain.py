"""The mail of one actor: envelopes that each know the next. An empty chain owns nothing.

A deque would cost 600 bytes and two allocations for the single message that most mailboxes ever
hold. Rule: an envelope is in at most one chain, and forgets it when it is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors._messages import Envelope


class Chain:
    """A queue of envelopes; `depth` says how many."""

    __slots__ = ("depth", "head", "tail")

    def __init__(self) -> None:
        self.head: Envelope | None = None
        self.tail: Envelope | None = None
        self.depth = 0

    def append(self, envelope: Envelope) -> None:
        """Make this the last message."""
        if self.tail is None:
            self.head = envelope
        else:
            self.tail.next = envelope
        self.tail = envelope
        self.depth += 1

    def push_front(self, envelope: Envelope) -> None:
        """Make this the next message."""
        envelope.next, self.head = self.head, envelope
        if self.tail is None:
            self.tail = envelope
        self.depth += 1

    def pop(self) -> Envelope:
        """Take the next message out; IndexError where there is none."""
        envelope = self.head
        if envelope is None:
            raise IndexError("pop from an empty mailbox")
        self.head, envelope.next = envelope.next, None
        if self.head is None:
            self.tail = None
        self.depth -= 1
        return envelope

    def remove(self, envelope: Envelope) -> bool:
        """Take this message out, wherever it is; False where it is not here."""
        before: Envelope | None = None
        here = self.head
        while here is not None and here is not envelope:
            before, here = here, here.next
        if here is None:
            return False
        if before is None:
            self.head = envelope.next
        else:
            before.next = envelope.next
        if self.tail is envelope:
            self.tail = before
        envelope.next = None
        self.depth -= 1
        return True

    def __iter__(self) -> Iterator[Envelope]:
        envelope = self.head
        while envelope is not None:
            yield envelope
            envelope = envelope.next
