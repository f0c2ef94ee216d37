"""What can go wrong between two actors; a name says whether the message may have had an effect.

ActorError
├── NotAccepted            the message was not taken: nothing happened, sending it again is safe
│   ├── MailboxFull        the receiver is behind; carries `retry_after`
│   │   └── TooManyActors  a family of virtual actors is at its limit
│   ├── ActorStopped       the receiver has ended, or ended before the message's turn came
│   ├── AskCycle           the receiver waits, directly or not, for the asker
│   └── NameTaken          spawn() under a name that is in use
├── NotAnswered            the message was taken and its effect is unknown
│   ├── AskTimeout         no answer within the deadline
│   ├── ActorCrashed       the handler raised; `__cause__` is its error
│   └── ActorKilled        the handler was cancelled because its actor had to end
├── UnhandledMessage       the receiver has no case for this type of message
└── StashFull              more messages were set aside than the mailbox may hold
"""

from __future__ import annotations


class ActorError(Exception):
    """The base of every error of this package."""


class NotAccepted(ActorError):
    """The message was not taken: nothing happened, and sending it again is safe."""


class MailboxFull(NotAccepted):
    """The receiver is behind. `retry_after` (seconds) is how long its oldest message has waited."""

    def __init__(self, actor: str, *, capacity: int, retry_after: float) -> None:
        super().__init__(
            f"the mailbox of {actor} is full ({capacity} messages): "
            f"send again in {retry_after:.2f} s, or send less"
        )
        self.actor = actor
        self.capacity = capacity
        self.retry_after = retry_after


class TooManyActors(MailboxFull):
    """As many virtual actors live as their family allows, and none of them is idle."""

    def __init__(self, family: str, *, limit: int, retry_after: float) -> None:
        NotAccepted.__init__(
            self,
            f"{family} has {limit} live actors and none is idle: "
            f"send again in {retry_after:.2f} s, or raise the limit",
        )
        self.actor = family
        self.capacity = limit
        self.retry_after = retry_after


class ActorStopped(NotAccepted):
    """The receiver has ended, or ended before this message had its turn."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor} has stopped: get a new ref before sending again")
        self.actor = actor


class AskCycle(NotAccepted):
    """The receiver waits, directly or through others, for the asker: waiting would never end."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(
            f"this would wait for itself: {' -> '.join(path)}; "
            "send one of these messages with tell_nowait, and answer with another"
        )
        self.path = path


class NameTaken(NotAccepted):
    """An actor with this name lives in the system."""

    def __init__(self, name: str) -> None:
        super().__init__(f"an actor named {name} is alive: choose another name, or stop it first")
        self.name = name


class NotAnswered(ActorError):
    """The message was taken and its effect is unknown."""


class AskTimeout(NotAnswered):
    """No answer within the deadline. The message may have been handled; a late answer vanishes."""

    def __init__(self, actor: str, timeout: float) -> None:
        super().__init__(f"{actor} did not answer within {timeout:g} s")
        self.actor = actor
        self.timeout = timeout


class ActorCrashed(NotAnswered):
    """The handler of this message raised. `__cause__` is its error."""

    def __init__(self, actor: str, error: BaseException) -> None:
        super().__init__(f"{actor} crashed on this message: {type(error).__name__}: {error}")
        self.actor = actor
        self.__cause__ = error


class ActorKilled(NotAnswered):
    """The handler of this message was cancelled because its actor had to end."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor} was stopped while it handled this message")
        self.actor = actor


class UnhandledMessage(ActorError):
    """The receiver has no case for this type of message. It lives on."""

    def __init__(self, actor: str, message: object) -> None:
        super().__init__(f"{actor} has no case for a {type(message).__name__}")
        self.actor = actor
        self.message = message


class StashFull(ActorError):
    """More messages were set aside than the mailbox may hold."""

    def __init__(self, actor: str, capacity: int) -> None:
        super().__init__(f"{actor} set aside {capacity} messages: unstash some before more")
        self.actor = actor
        self.capacity = capacity


class StrayCancellation(ActorError):
    """A handler let a cancellation escape that was not meant for it, as awaiting a cancelled
    asyncio task does. It counts as a crash."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor} let a cancellation escape that was meant for another task")
        self.actor = actor
