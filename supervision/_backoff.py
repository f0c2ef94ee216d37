"""How long to wait before trying again: pure, with the randomness passed in.

Exponential backoff with full jitter, after Marc Brooker, "Exponential Backoff and Jitter"
(AWS, 2015): the whole delay is random, so those who failed together don't come back together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def backoff(attempt: int, *, base: float, cap: float, rng: Callable[[], float]) -> float:
    """Seconds to wait before retry number `attempt` (the first is 1): `rng()`, which is in [0, 1),
    times `base` doubled with each attempt, at most `cap`.

    Raises ValueError for an attempt below 1 or a negative time."""
    if attempt < 1 or base < 0 or cap < 0:
        raise ValueError(f"no backoff for attempt={attempt}, base={base}, cap={cap}")
    # Doubling stops where no float of seconds could matter, long before it could overflow.
    return rng() * min(cap, base * 2.0 ** min(attempt - 1, 64))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between restarts, in seconds. A child that ran for `reset` starts again at `base`."""

    base: float = 0.1
    cap: float = 30.0
    reset: float = 60.0
