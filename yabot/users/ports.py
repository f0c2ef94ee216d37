"""What the users' side needs from the world, as Protocols on the consumer's side.

`stores` implements them over SQLite; `telegram` and `api` are handed them by `app.py`. The values
that cross are frozen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pydantic import JsonValue

from yabot.domain.commands import Command
from yabot.domain.decision import DurableCommand, LedgerEntry
from yabot.domain.events import Fact
from yabot.domain.user import User, UserDocument
from yabot.domain.values import Instant, UserId

MAX_BACKLOG = 50_000
"""Updates that may wait, durable or at the door, before new ones are refused."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One row of the inbox: an update, kept until a commit marks it.

    `seq` is the order of arrival over all users. `user_id` is the key of the actor that handles it.
    `attempts` counts the process deaths that it may have caused; it is 0 for nearly every update.
    """

    seq: int
    user_id: UserId
    bot_id: int
    update_id: int
    update: Mapping[str, object]
    attempts: int = 0

    @property
    def key(self) -> str:
        """The processed key of this update."""
        return f"tg:{self.bot_id}:{self.update_id}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """An update on its way into the inbox; `body` is its JSON as it came."""

    user_id: UserId
    bot_id: int
    update_id: int
    update: Mapping[str, object]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A Bot API call that leaves after the commit.

    `id` is positive and unique on this node; a message that the call sends is known as `-id` until
    Telegram has given its own. Calls of one `lane` leave in order, one at a time.
    `params` is the JSON object of the call.
    """

    id: int
    lane: str
    method: str
    params: bytes


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """A call in the replies outbox. `seq` is its order of commit, `user_id` whose turn made it."""

    seq: int
    user_id: UserId
    call: Call
    created_at: Instant


@dataclass(frozen=True, slots=True)
class Answer:
    """What a processed key was answered, so that a repetition gets the same.

    `fingerprint` tells whether the repetition asks the same thing; `body` is JSON.
    """

    fingerprint: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not be handled and waits for a person. `body` is its JSON."""

    kind: str
    key: str
    user_id: UserId
    error: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DueCommand:
    """A durable command whose time has come; the commit of its turn removes row `id`.

    `correlation_id` and `traceparent` are those of the turn that left it; empty when none did.
    """

    id: int
    user_id: UserId
    command: Command
    unique_key: str
    correlation_id: str = ""
    traceparent: str = ""

    @property
    def key(self) -> str:
        """The processed key of this delivery."""
        return f"cmd:{self.id}"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store holds of a user: None for one it does not know, whose version is 0.

    `kept` is the document that another database left of such a user; it goes on when they register.
    """

    user: User | None
    version: int
    kept: UserDocument | None = None


class Commit(NamedTuple):
    """Everything that one turn leaves, in one durable transaction.

    `version` is the version that `before` was loaded with; the store refuses the commit when the
    stored one differs. An unchanged part (`after.profile is before.profile`, ...) is not written.
    `mail_seq` marks a row of the inbox as processed and clears its body; `command_id` removes a row
    of the commands outbox; `answer` is kept under `key`. `causation_id` is the key of the message,
    `correlation_id` that of the first message of its chain, `traceparent` the chain's W3C trace
    context; events and durable commands carry them on.

    A tuple, as with this many fields a frozen dataclass takes three times as long to make.
    """

    key: str
    user_id: UserId
    now: Instant
    correlation_id: str
    before: User | None
    after: User | None
    version: int
    mail_seq: int | None = None
    command_id: int | None = None
    ledger: tuple[LedgerEntry, ...] = ()
    events: tuple[Fact, ...] = ()
    calls: tuple[Call, ...] = ()
    commands: tuple[DurableCommand, ...] = ()
    answer: Answer | None = None
    dead_letters: tuple[DeadLetter, ...] = ()
    causation_id: str = ""
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that is kept of one user: rows by section, newest first.

    `cut` names the sections that are too long to be given whole.
    """

    user_id: UserId
    made_at: Instant
    sections: Mapping[str, Sequence[Mapping[str, JsonValue]]]
    cut: tuple[str, ...] = ()


class UserStore(Protocol):
    """The durable side of every user actor."""

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        """Read a user; `fenced` waits until every commit queued before this call has ended.

        Raises StoreUnavailable.
        """
        ...

    async def answer(self, key: str) -> Answer | None:
        """What a processed key was answered; None when the key was never processed.

        An update's key has an empty answer. Raises StoreUnavailable.
        """
        ...

    async def commit(self, commit: Commit) -> int:
        """Make a turn durable, all of it or nothing, and return the user's new version.

        Raises StoreUnavailable (nothing was written), AlreadyProcessed, StaleVersion.
        """
        ...

    def next_call_id(self) -> int:
        """A fresh id for a `Call`."""
        ...


class UserExports(Protocol):
    """Tells what is kept of a user, all of it."""

    async def export(self, user_id: UserId) -> Export | None:
        """What is kept as of the last commit; None for an unknown user.

        Raises StoreUnavailable.
        """
        ...


class Inbox(Protocol):
    """Updates that are durable and not yet processed."""

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        """Make updates durable and return the new ones in order; known ones are left out.

        Raises StoreUnavailable.
        """
        ...

    async def read(self, user_id: UserId, after: int, limit: int) -> Sequence[Mail]:
        """The user's unprocessed updates with `seq > after`, in order. Raises StoreUnavailable."""
        ...

    async def leftovers(self, after: int, limit: int) -> Sequence[Mail]:
        """Unprocessed updates of all users with `seq > after`, in order."""
        ...

    async def stamp(self, seq: int) -> None:
        """Count one more attempt at an update, durably, before it is run alone."""
        ...

    def backlog(self) -> int:
        """How many updates are durable and not yet processed."""
        ...


class ReplyOutbox(Protocol):
    """Calls that commits left for Telegram."""

    async def read(self, after: int, limit: int) -> Sequence[QueuedCall]:
        """Rows with `seq > after`, in order."""
        ...

    async def changed(self) -> None:
        """Return when rows may have come since the last `read`."""
        ...

    async def sent(self, row: QueuedCall, message_id: int | None) -> None:
        """Remove a row that Telegram accepted; `message_id` is kept 48 h as what `-id` means."""
        ...

    async def refused(self, row: QueuedCall, error: str, *, unreachable: bool) -> None:
        """Move a row that Telegram will never accept to the dead letters.

        `unreachable` leaves a durable MarkInactive for the row's user as well.
        """
        ...

    async def real_message_id(self, provisional: int) -> int | None:
        """Telegram's id of the message that was recorded as `provisional` (negative)."""
        ...


class CommandOutbox(Protocol):
    """Durable commands that wait for their time."""

    async def due(self, now: Instant, after: int, limit: int) -> Sequence[DueCommand]:
        """Commands with `due_at <= now` and `id > after`, by id."""
        ...

    async def next_due(self) -> Instant | None:
        """When the next command becomes due."""
        ...

    async def changed(self) -> None:
        """Return when commands may have come since the last `due`."""
        ...


Clock = Callable[[], Instant]
"""The wall clock, in UTC; passed in, so that tests set it."""
