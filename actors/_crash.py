"""What happens after a crash: a policy is a pure function of the crash and answers with a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

M_co = TypeVar("M_co", covariant=True)
M = TypeVar("M")

LONGEST_DELAY = 5.0
"""Seconds: the cap of the default delay after a crash that no message caused."""


@dataclass(frozen=True, slots=True)
class Restart(Generic[M_co]):
    """Start a new incarnation `delay` seconds from now; the mail waits meanwhile.

    `first`, if given, is handled before all mail that waited."""

    delay: float = 0.0
    first: M_co | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """End the actor: its mail becomes dead letters, its askers are told."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the name and the mail without an incarnation until `ActorRef.resume()`."""


OnCrash: TypeAlias = Callable[[M | None, Exception, int], "Restart[M] | Stop | Hold"]
"""(message, error, crashes in a row) -> decision. The message is None where `started()` or
`run()` failed. A handled message, or ten seconds without a crash, ends the row."""


OnExit: TypeAlias = Callable[[], "Stop | Hold"]
"""Called when an actor has drained or was killed: end it, or hold it and keep its mail."""


def stop_for_good() -> Stop:
    """The default: who stops, ends."""
    return Stop()


def restart_at_once(message: object | None, _error: Exception, crashes: int) -> Restart[M]:
    """The default policy: drop the message and go on; a crash without a message waits longer
    each time, up to five seconds, so that an actor that cannot start never spins."""
    if message is not None:
        return Restart()
    return Restart(delay=min(LONGEST_DELAY, 0.05 * 2.0 ** min(crashes, 10)))


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash, as the observers of a system see it."""

    actor: str
    error: BaseException
    message: object | None
    crashes: int
    decision: Restart[object] | Stop | Hold
