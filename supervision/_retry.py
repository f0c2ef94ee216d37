"""Try again what may be done twice, within a budget of attempts and of time.

Rule: only for what is idempotent, only for the errors that are listed, and never past the
deadline: a pause that would end after it is not begun."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from supervision._backoff import Backoff, backoff

T = TypeVar("T")


async def retry(
    function: Callable[[], Awaitable[T]],
    *,
    on: tuple[type[Exception], ...],
    attempts: int = 3,
    within: float = 30.0,
    pauses: Backoff = Backoff(),  # noqa: B008  frozen
    rng: Callable[[], float] = random.random,
) -> T:
    """What `function()` gives, at most `attempts` times tried, within `within` seconds in all.

    Between two attempts passes a backoff with full jitter, and at least the `retry_after` of the
    error, if it has one. When the budget is spent the last error is raised as it is; where an
    attempt itself is cut off at the deadline, that is TimeoutError. Raises ValueError for a budget
    of no attempt."""
    if attempts < 1:
        raise ValueError(f"it takes an attempt to succeed, not {attempts}")
    deadline = anyio.current_time() + within
    attempt = 1
    while True:
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                return await function()
        except on as error:
            pause = backoff(attempt, base=pauses.base, cap=pauses.cap, rng=rng)
            pause = max(pause, getattr(error, "retry_after", None) or 0.0)
            if attempt >= attempts or anyio.current_time() + pause >= deadline:
                raise
        await anyio.sleep(pause)
        attempt += 1
