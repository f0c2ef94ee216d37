"""What a supervisor is told. Each notice names the incarnation that it is about, so that one which
comes late, after a restart, is recognised and ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from actors import Message


@dataclass(frozen=True, slots=True)
class Failed:
    """A child crashed, or could not start and then `started` is False."""

    child: str
    incarnation: int
    started: bool
    error: Exception


@dataclass(frozen=True, slots=True)
class Exited:
    """A child stopped by itself."""

    child: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Waited:
    """The delay before a child's restart is over."""

    child: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class StartChild(Message[None]):
    """A child has been added: start it in its turn."""

    child: str


@dataclass(frozen=True, slots=True)
class RestartChild(Message[None]):
    """An operator wants a child restarted. It counts as no failure."""

    child: str


@dataclass(frozen=True, slots=True)
class RemoveChild(Message[None]):
    """A child shall stop for good and be forgotten."""

    child: str


Notice: TypeAlias = Failed | Exited | Waited | StartChild | RestartChild | RemoveChild
