"""What a decision is: the next state and everything that must leave with it, or a reasoned no."""

from collections.abc import Mapping
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
    """A text for the user's private chat, from a decision that no handler waits for."""

    text: str
    params: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DurableCommand:
    """A command for a user, delivered at `due_at` or later, once per `unique_key`."""

    user_id: UserId
    due_at: Instant
    command: Command
    unique_key: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A yes: the user as they are now, and what the commit must carry out."""

    user: User
    ledger: tuple[LedgerEntry, ...] = ()
    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    commands: tuple[DurableCommand, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """A yes, seen from outside the turn: the user after the command.

    `replayed` says that the same key had been applied before, and nothing happened now.
    """

    user: User
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """Makes a command take effect once: its key, and a fingerprint of what was asked under it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A no: nothing changed.

    `code` is stable and for programs, `text` a key of `domain/texts.py` for people, `status` what
    the HTTP API answers.
    """

    code: str
    text: str
    status: int = 409
    params: Mapping[str, str | int] = field(default_factory=dict)
