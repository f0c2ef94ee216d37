"""What a supervisor is told. Each notice names the incarnation that it is about, so that one which
comes late, after a restart, is recognised and ignored."""

from __future__ import annotations

from dataclasses import dataclass

from actors import Message


@dataclass(frozen=True, slots=True)
class Failed:
    """A child crashed, or could not start and then `started` is False."""

    index: int
    incarnation: int
    started: bool
    error: Exception


@dataclass(frozen=True, slots=True)
class Exited:
    """A child stopped by itself."""

    index: int
    incarnation: int


@dataclass(frozen=True, slots=True)
class Retry:
    """The delay of a restart is over: (index, incarnation) of those concerned."""

    members: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class RestartChild(Message[None]):
    """An operator wants a child restarted. It counts as no failure."""

    index: int
