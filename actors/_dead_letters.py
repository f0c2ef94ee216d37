"""Messages that nobody handled: counted by reason, shown to observers, never silently gone.

Rule: a message is handled, or its asker is told why not, or it is one dead letter; never two of
these."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

log = logging.getLogger("actors")


class Reason(Enum):
    """Why nobody handled a message."""

    STOPPED = "stopped"
    """Its actor ended before its turn came."""
    CRASHED = "crashed"
    """Its handler raised and the crash policy did not repeat it."""
    KILLED = "killed"
    """Its handler was cancelled because the actor had to end."""
    DROPPED = "dropped"
    """The mailbox was full and its policy drops."""
    EXPIRED = "expired"
    """It is an ask whose asker no longer waits."""
    REFUSED = "refused"
    """Its handler raised one of `Actor.answers` and nobody waited for an answer."""
    UNHANDLED = "unhandled"
    """The actor has no case for it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that nobody handled. `target` is the name of the actor it was for."""

    reason: Reason
    target: str
    message: object


class DeadLetters:
    """The dead letters of one system: a counter and its observers."""

    __slots__ = ("_counts", "_observers")

    def __init__(self) -> None:
        self._counts: Counter[Reason] = Counter()
        self._observers: list[Callable[[DeadLetter], None]] = []

    def observe(self, callback: Callable[[DeadLetter], None]) -> None:
        """Call `callback` for every further dead letter."""
        self._observers.append(callback)

    def record(self, reason: Reason, target: str, message: object) -> None:
        """Count a dead letter and show it; an observer that raises is logged and harms nobody."""
        self._counts[reason] += 1
        if not self._observers:
            return
        letter = DeadLetter(reason, target, message)
        for observer in self._observers:
            try:
                observer(letter)
            except Exception:
                log.exception("actors.observer_failed")

    def counts(self) -> Mapping[Reason, int]:
        """How many there were, by reason."""
        return MappingProxyType(dict(self._counts))
