"""What a user's mailbox takes: work that must be done once, and questions."""

from dataclasses import dataclass
from typing import TypeAlias

from actors import Message
from yabot.domain.commands import Command
from yabot.domain.decision import Applied, Once, Precondition, Rejected
from yabot.domain.user import User
from yabot.users.ports import DueCommand, Mail

Job: TypeAlias = Mail | DueCommand
"""Durable work: its row stays until a commit has taken effect."""


@dataclass(frozen=True, slots=True)
class Deliver(Message[None]):
    """Do a job. `crashes` counts how often it has crashed its actor in this process."""

    job: Job
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class SetAside(Message[None]):
    """Give a job up: one commit holds its dead letter, its mark and a text for the user."""

    job: Job
    error: str


@dataclass(frozen=True, slots=True)
class Apply(Message[Applied | Rejected]):
    """Apply a command now; with `once`, only the first time its key is seen.

    `only_if` is asked in the turn itself, so nothing comes between its answer and the command. A
    repeated key gets its stored answer without it.
    """

    command: Command
    once: Once | None = None
    only_if: Precondition | None = None


@dataclass(frozen=True, slots=True)
class Read(Message[User | None]):
    """Ask for the user as of now."""


UserMessage: TypeAlias = Deliver | SetAside | Apply | Read
