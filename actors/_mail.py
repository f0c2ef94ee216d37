"""The mail of one actor, and since when it waits. An actor without mail owns no queue.

What lies here is a message as it was sent, or in its envelope where there is more to say of it.
Rule: a clock read for every message would cost more than sending it, so only one that finds no
other has its time; the age of bare ones behind it is known to within one turn of their actor."""

from __future__ import annotations

from collections import deque

from actors._messages import Envelope


class Mail:
    """A queue of messages and envelopes; None where nothing waits, for a deque takes 760 bytes.

    `since` is the time of the last one taken out that had one: those behind it came later."""

    __slots__ = ("mail", "since")

    def __init__(self) -> None:
        self.mail: deque[object] | None = None
        self.since = 0.0

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return len(self.mail or ())

    def oldest(self, now: float) -> float:
        """When the first message came; `now` where none waits."""
        if not self.mail:
            return now
        first = self.mail[0]
        return first.enqueued if type(first) is Envelope else self.since

    def append(self, item: object) -> None:
        """Make this the last message."""
        if self.mail is None:
            self.mail = deque()
        self.mail.append(item)

    def push_front(self, item: object) -> None:
        """Make this the next message."""
        if self.mail is None:
            self.mail = deque()
        self.mail.appendleft(item)

    def remove(self, envelope: Envelope) -> bool:
        """Take this message out, wherever it is; False where it is not here."""
        # Not `deque.remove`: a message may call itself equal to anything.
        mail = self.mail or deque()
        for place, item in enumerate(mail):
            if item is envelope:
                del mail[place]
                return True
        return False
