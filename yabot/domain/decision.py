"""What a decision is: the next state and everything that must leave with it, or a reasoned no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from yabot.domain.commands import Command
from yabot.domain.events import Event
from yabot.domain.user import User
from yabot.domain.values import Instant, UserId


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One movement of besitos; a wallet's balance is the sum of its entries."""

    amount: int
    balance: int
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A text for the user's private chat, from a decision that no handler waits for.

    With `press` it is the answer to that press of a button.
    """

    text: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    press: str | None = None


@dataclass(frozen=True, slots=True)
class DurableCommand:
    """A command for a user, delivered at `due_at` or later, once per `unique_key`."""

    user_id: UserId
    due_at: Instant
    command: Command
    unique_key: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A yes: the user as they are now, and what the commit must carry out.

    `after` is None where the command was a deletion.
    """

    after: User | None
    ledger: tuple[LedgerEntry, ...] = ()
    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    commands: tuple[DurableCommand, ...] = ()

    @property
    def user(self) -> User:
        """The user after a command that deletes nobody. Raises LookupError after a deletion."""
        return _somebody(self.after)


@dataclass(frozen=True, slots=True)
class Applied:
    """A yes, seen from outside the turn: the user after the command, None after a deletion.

    `replayed` says that the same key had been applied before, and nothing happened now.
    """

    after: User | None
    replayed: bool = False

    @property
    def user(self) -> User:
        """The user after a command that deletes nobody. Raises LookupError after a deletion."""
        return _somebody(self.after)


@dataclass(frozen=True, slots=True)
class Once:
    """Makes a command take effect once: its key, and a fingerprint of what was asked under it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A no: nothing changed.

    `code` is stable and for programs, `text` a key of `domain/texts.py` for people, `status` what
    the HTTP API answers. `replayed` says that this no was given before, under the same key.
    """

    code: str
    text: str
    status: int = 409
    params: Mapping[str, str | int] = field(default_factory=dict)
    replayed: bool = False


Precondition = Callable[[User], bool]
"""What must hold of a known user, in their own turn, for a command to be applied to them."""

CHANGED = Rejected("precondition_failed", "precondition_failed", status=412)
"""The no of a precondition that does not hold."""

KEY_REUSED = Rejected("key_reused", "key_reused", status=422)
"""The no to something else that is asked under a key."""


def _somebody(user: User | None) -> User:
    if user is None:
        raise LookupError("the user was deleted by this very command")
    return user
