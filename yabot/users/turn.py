"""One turn: what a handler may change, and everything it leaves for the commit.

The rule: nothing leaves a turn before its commit, and nothing at all leaves a failed one.
"""

from collections.abc import Callable, Mapping, Sized
from contextvars import ContextVar
from typing import Protocol

from yabot.domain.commands import Command, RegisterUser
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, DurableCommand, LedgerEntry, Notice, Rejected
from yabot.domain.events import Fact, UserDeleted
from yabot.domain.user import User
from yabot.domain.values import Instant, UserId
from yabot.errors import TurnClosed, TurnFull
from yabot.users import cause as causes
from yabot.users.cause import Cause
from yabot.users.ports import Answer, Call, Commit, DeadLetter, Stored, UserStore

CALLS_PER_TURN = 100
EVENTS_PER_TURN = 200
"""How many Bot API calls and facts one turn may leave; more is a handler's mistake."""


class Turn:
    """The handling of one message by one user's actor.

    `user` is the user as changed so far (None while unknown), `now` the one moment at which the
    whole turn happens, `key` what makes it happen only once, `cause` what it comes from.
    """

    def __init__(
        self,
        *,
        key: str,
        user_id: UserId,
        now: Instant,
        stored: Stored,
        store: UserStore,
        cause: Cause | None = None,
    ) -> None:
        self.key = key
        self.cause = cause or causes.first(key)
        self.user_id = user_id
        self.now = now
        self.user = stored.user
        self.failure: BaseException | None = None
        self._seen: tuple[User, User] | None = None
        self._stored = stored
        self._store = store
        self._closed = False
        self._ledger: list[LedgerEntry] = []
        self._events: list[Fact] = []
        self._notices: list[Notice] = []
        self._calls: list[Call] = []
        self._commands: list[DurableCommand] = []

    @property
    def closed(self) -> bool:
        """Whether the turn has ended."""
        return self._closed

    @property
    def seen(self) -> User | None:
        """The user as changed so far, seen at `now`."""
        user = self.user
        if user is None:
            return None
        if self._seen is None or self._seen[0] is not user:
            self._seen = (user, user.touched(self.now))
        return self._seen[1]

    @property
    def forgotten(self) -> bool:
        """Whether who this is was deleted, before or in this turn, and has not come back."""
        return self.user is None and self._stored.version > 0

    @property
    def calls(self) -> int:
        """How many Bot API calls the turn has recorded."""
        return len(self._calls)

    def apply(self, command: Command) -> Decision | Rejected:
        """Decide a command on the user as they are now; a yes is part of this turn's commit.

        Who was deleted in this turn can register from the next one on. Raises TurnClosed, TurnFull.
        """
        self._check_open()
        _check_room(self._events, EVENTS_PER_TURN, "events")
        if self._deletes:
            return Rejected("user_unknown", "user_unknown", status=404)
        if isinstance(command, RegisterUser) and self._stored.kept is not None:
            command = command.model_copy(update={"kept": self._stored.kept})
        outcome = decide(self.user, command, self.now)
        if isinstance(outcome, Decision):
            self.user = outcome.after
            self._ledger.extend(outcome.ledger)
            self._events.extend(outcome.events)
            self._notices.extend(outcome.notices)
            self._commands.extend(outcome.commands)
            if outcome.after is None:
                self._take_back()
        return outcome

    def record(self, lane: str, method: str, params: bytes) -> int:
        """Keep a Bot API call for after the commit; its message is `-id` until it is sent.

        Raises TurnClosed, TurnFull.
        """
        self._check_open()
        _check_room(self._calls, CALLS_PER_TURN, "calls")
        call = Call(self._store.next_call_id(), lane, method, params)
        self._calls.append(call)
        return call.id

    def emit(self, event: Fact) -> None:
        """Leave a handler's fact for the commit. Raises TurnClosed, TurnFull."""
        self._check_open()
        _check_room(self._events, EVENTS_PER_TURN, "events")
        self._events.append(event)

    def note(self, event: Fact) -> None:
        """Leave a fact about the turn itself, for which there is always room."""
        self._check_open()
        self._events.append(event)

    def take_notices(self) -> list[Notice]:
        """The texts that decisions left for the user's private chat; each is taken once."""
        notices, self._notices = self._notices, []
        return notices

    def fail(self, error: BaseException) -> None:
        """Mark the turn as failed: whatever catches the error later, nothing of the turn leaves."""
        self.failure = self.failure or error

    def close(self) -> None:
        """End the turn; every later call on it raises TurnClosed."""
        self._closed = True

    def to_commit(
        self,
        *,
        mail_seq: int | None = None,
        command_id: int | None = None,
        answer: Answer | None = None,
        dead_letters: tuple[DeadLetter, ...] = (),
    ) -> Commit:
        """Close the turn and give what it leaves."""
        self.close()
        return Commit(
            key=self.key,
            user_id=self.user_id,
            now=self.now,
            correlation_id=self.cause.correlation_id,
            before=self._stored.user,
            after=self.seen,
            version=self._stored.version,
            mail_seq=mail_seq,
            command_id=command_id,
            ledger=tuple(self._ledger),
            events=tuple(self._facts()),
            calls=tuple(self._calls),
            commands=tuple(self._commands),
            answer=answer,
            dead_letters=dead_letters,
            causation_id=self.cause.causation_id,
            traceparent=self.cause.traceparent,
        )

    @property
    def _deletes(self) -> bool:
        return self.user is None and self._stored.user is not None

    def _take_back(self) -> None:
        """What the turn had in store for the user whom it has deleted."""
        self._ledger.clear()
        self._notices.clear()
        self._commands = [each for each in self._commands if each.user_id != self.user_id]

    def _facts(self) -> list[Fact]:
        """The turn's events in order, a deletion last: nothing is told of a user after it."""
        if self._deletes:
            self._events.sort(key=lambda event: isinstance(event, UserDeleted))
        return self._events

    def _check_open(self) -> None:
        if self._closed:
            raise TurnClosed(
                f"turn {self.key} has ended; "
                "work after a turn uses `direct_bot` or leaves a durable command"
            )


def _check_room(left: Sized, most: int, what: str) -> None:
    if len(left) >= most:
        raise TurnFull(f"a turn may leave {most} {what}; leave the rest to a later one")


current_turn: ContextVar[Turn | None] = ContextVar("current_turn", default=None)
"""The turn that is being handled in this context; how services find themselves inside one."""


class Handle(Protocol):
    """Runs the bot's handlers for one update inside a turn."""

    async def __call__(self, turn: Turn, update: Mapping[str, object]) -> None:
        """Handle the update; what the handlers raise leaves unchanged."""
        ...


RenderNotices = Callable[[Turn], None]
"""Turns the notices of a turn's decisions into recorded calls."""
