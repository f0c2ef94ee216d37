"""How many messages an actor may have waiting, and what happens to one more: a value, no queue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Overflow(Enum):
    """What happens to a message that finds the mailbox full."""

    WAIT = "wait"
    """`tell` waits for room, first come first served; `ask` waits within its deadline. Not for
    actors that tell one another in a ring: full, they could wait for each other."""
    FAIL = "fail"
    """The sender gets MailboxFull."""
    DROP_NEW = "drop_new"
    """The new message becomes a dead letter; an ask gets MailboxFull."""
    DROP_OLD = "drop_old"
    """The oldest waiting message becomes a dead letter and makes room."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The bound of a mailbox, in messages, and its overflow policy."""

    capacity: int = 1024
    overflow: Overflow = Overflow.FAIL

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"a mailbox holds at least one message, not {self.capacity}")
