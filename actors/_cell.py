"""The cell: what is left of an actor when it does nothing, and what its refs point at.

A cell outlives the incarnations of its actor: name, mailbox and state stay, the actor inside comes
and goes. Rule: a cell only takes mail and notes what is wanted of it; workers do the rest.

    NEW ──started()──▶ RUNNING ──crash──▶ BACKOFF or HELD ──▶ NEW
     └──────────────────┴──── stop, kill, passivation ──────▶ ENDED
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._dead_letters import Reason
from actors._errors import ActorStopped, MailboxFull, StashFull
from actors._mail import Mail
from actors._mailbox import Overflow
from actors._messages import Envelope, Slip, opened

if TYPE_CHECKING:
    from actors._actor import Actor
    from actors._backend import Waiter
    from actors._background import Background
    from actors._runtime import Kind
    from actors._timers import Timer
    from actors._workers import Worker

# What may be wanted of a cell, apart from its mail. Lower is more urgent.
KILL, FAILED, HOLD, RESUME, START, STOP, PASSIVATE, RETIRE = 1, 2, 4, 8, 16, 32, 64, 128
HURRY = 256
"""Its time is up: `stopping()` has only a moment left. Nothing to do by itself."""


class State(Enum):
    """Where a cell stands in its life."""

    NEW = "starting"
    RUNNING = "running"
    BACKOFF = "restarting"
    HELD = "held"
    ENDED = "ended"


class Place:
    """A sender's place in the line before a full mailbox."""

    __slots__ = ("error", "waiter")

    def __init__(self, waiter: Waiter | None) -> None:
        self.waiter = waiter
        self.error: ActorStopped | None = None


class Cell(Mail):
    """One actor: its mail, its state, and what is wanted of it."""

    __slots__ = (
        "actor", "background", "crashed_at", "crashes", "factory", "failure", "handling", "key",
        "kind", "line", "repeat", "room", "scheduled", "stash", "state", "timers", "used",
        "waiters", "wants", "watchers", "worker",
    )  # fmt: skip

    def __init__(
        self, kind: Kind, key: Hashable, factory: Callable[[], Actor[Any]] | None = None
    ) -> None:
        super().__init__()
        self.factory = factory
        self.kind = kind
        self.key = key
        self.state = State.NEW
        self.wants = START
        self.room = kind.capacity
        """How many messages may wait here: none once the actor takes no more."""
        self.scheduled = False
        self.crashed_at = 0.0
        self.used = 0.0
        self.crashes = 0
        self.line: OrderedDict[Envelope, Place] | None = None
        self.stash: deque[Envelope] | None = None
        self.repeat: Envelope | None = None
        self.handling: Envelope | Slip | None = None
        self.failure: Exception | None = None
        self.actor: Actor[Any] | None = None
        self.worker: Worker | None = None
        self.background: Background | None = None
        self.timers: set[Timer] | None = None
        self.waiters: list[Waiter] | None = None
        self.watchers: list[tuple[Cell, object]] | None = None

    @property
    def name(self) -> str:
        """The full name, with the family's for a virtual actor."""
        return f"{self.kind.prefix}{self.key}"

    def post(self, item: object) -> bool:
        """Take a message, bare or in its envelope. False: the mailbox is full and its policy is to
        wait."""
        mail = self.mail
        if mail and len(mail) < self.room:
            # Whoever left mail here looks after it.
            mail.append(item)
            return True
        if not self.room:
            raise ActorStopped(self.name)
        if mail:
            return self._overflow(item)
        if mail is None:
            mail = self.mail = deque()
        mail.append(item if type(item) is Envelope else self.sealed(item))
        if not self.scheduled:
            self.scheduled = True
            workers = self.kind.workers
            workers.ready.append(self)
            if not workers.summoned:
                workers.call()
        return True

    def _overflow(self, item: object) -> bool:
        envelope = self.envelope_of(item)
        match self.kind.mailbox.overflow:
            case Overflow.WAIT:
                return False
            case Overflow.DROP_OLD:
                full = self.full()
                assert self.mail is not None
                oldest = self.envelope_of(self.mail.popleft())
                self.mail.append(item)
                self.reject(oldest, Reason.DROPPED, full)
                return True
            case Overflow.DROP_NEW if envelope.ticket is None:
                self.reject(envelope, Reason.DROPPED, self.full())
                return True
            case _:
                raise self.full()

    def full(self) -> MailboxFull:
        """The error for a sender who finds no room; the age of the mail says when to try again."""
        now = self.kind.now()
        age = now - self.oldest(now)
        return MailboxFull(self.name, capacity=self.kind.capacity, retry_after=max(0.05, age))

    def envelope_of(self, item: object) -> Envelope:
        """The envelope of what came out of the mailbox, made now for what was in it bare."""
        return item if type(item) is Envelope else Envelope(item, self, None, self.since, None)

    def sealed(self, message: object) -> Envelope:
        """A message in an envelope that bears the time and nothing else."""
        return Envelope(message, self, None, self.kind.now(), None)

    def stamp(self) -> None:
        """Write the time on the last message, for the age of those that come after it."""
        if self.mail:
            last = self.mail[-1]
            if type(last) is not Envelope:
                self.mail[-1] = self.sealed(last)

    def line_up(self, envelope: Envelope, waiter: Waiter | None) -> Place:
        """Put a message in the line before the full mailbox; an asker waits elsewhere."""
        if self.line is None:
            self.line = OrderedDict()
        place = self.line[envelope] = Place(waiter)
        return place

    def admit(self) -> None:
        """Let the first of the line in, now that there is room."""
        line = self.line
        while line and self.depth < self.kind.capacity:
            envelope, place = line.popitem(last=False)
            self.append(envelope)
            if place.waiter is not None:
                self.kind.runtime.backend.wake(place.waiter)
        if not line:
            self.line = None

    def withdraw(self, envelope: Envelope) -> None:
        """Take a message back that its sender no longer wants, unless its turn has come."""
        if not self.leave_line(envelope) and self.remove(envelope):
            self.admit()

    def leave_line(self, envelope: Envelope) -> bool:
        """Give up a place in the line; False where there was none."""
        if self.line is None or self.line.pop(envelope, None) is None:
            return False
        if not self.line:
            self.line = None
        return True

    def want(self, what: int) -> None:
        """Note what is wanted; a worker sees to it before the next message."""
        self.wants |= what
        if not self.scheduled and self.state is not State.ENDED:
            self.scheduled = True
            self.kind.workers.ready.append(self)
            self.kind.workers.call()

    def kill(self) -> None:
        """End the actor now: cancel its handler, turn its mail into dead letters."""
        if self.state is State.ENDED or self.wants & KILL:
            return
        self.room = 0
        self.cut_short(KILL)

    def cut_short(self, what: int) -> None:
        """Cancel the handler or the hook that is at work, and do `what`."""
        self.want(what | HURRY)
        if self.worker is not None:
            self.worker.scope.cancel()

    expire = kill
    """The deadline of a graceful stop has come (called by the wheel)."""

    def reject(self, envelope: Envelope, reason: Reason, error: Exception) -> None:
        """A message that will not be handled: its asker is told, or it is a dead letter."""
        ticket = envelope.ticket
        if ticket is None or not ticket.fail(error):
            self.kind.runtime.letters.record(reason, self.name, envelope.message)

    def reject_all(self) -> None:
        """Turn down all mail, the stash and the line, because the actor has ended."""
        line, self.line = self.line, None
        mail, self.mail = self.mail, None
        stash, self.stash = self.stash, None
        repeat, self.repeat = self.repeat, None
        if repeat is not None:
            self.reject(repeat, Reason.STOPPED, ActorStopped(self.name))
        for envelope in stash or ():
            self.reject(envelope, Reason.STOPPED, ActorStopped(self.name))
        for item in mail or ():
            self.reject(self.envelope_of(item), Reason.STOPPED, ActorStopped(self.name))
        for envelope, place in (line or {}).items():
            if place.waiter is None:
                self.reject(envelope, Reason.STOPPED, ActorStopped(self.name))
            else:
                place.error = ActorStopped(self.name)
                self.kind.runtime.backend.wake(place.waiter)

    def notify(self, message: object) -> None:
        """Take a notice of the runtime, beyond the bound: there is one for each watch."""
        envelope = self.sealed(message)
        if not self.room:
            self.reject(envelope, Reason.STOPPED, ActorStopped(self.name))
            return
        self.append(envelope)
        self.want(0)

    def set_aside(self) -> None:
        """Stash the message that is being handled."""
        if self.stash is None:
            self.stash = deque()
        if len(self.stash) >= self.kind.capacity:
            raise StashFull(self.name, self.kind.capacity)
        if self.handling is None:
            raise RuntimeError(f"{self.name} handles no message that it could set aside")
        self.stash.append(opened(self.handling))
        self.handling = None

    def unstash(self) -> None:
        """Put what was set aside back in front of the mail, in its order."""
        stash, self.stash = self.stash, None
        for envelope in reversed(stash or ()):
            self.push_front(envelope)

    def wake_waiters(self) -> None:
        """Tell those who wait for this actor to start, to be held or to end."""
        waiters, self.waiters = self.waiters, None
        for waiter in waiters or ():
            self.kind.runtime.backend.wake(waiter)

    async def wait_change(self) -> None:
        """Return at the next `wake_waiters`."""
        waiter = self.kind.runtime.backend.waiter()
        if self.waiters is None:
            self.waiters = []
        self.waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            self.waiters = [other for other in self.waiters or () if other is not waiter]
            raise
