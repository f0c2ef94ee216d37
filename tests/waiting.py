"""Waiting for a condition, never for luck: a deadline ends every wait with what was waited for."""

import inspect
from collections.abc import Awaitable, Callable

import anyio

DEADLINE = 15.0
"""Seconds: far more than anything takes, so that a slow machine is no failure."""


async def until(
    condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, deadline: float = DEADLINE
) -> None:
    """Return once the condition holds. Raises AssertionError with its source after `deadline` s."""
    with anyio.move_on_after(deadline):
        while True:
            held = condition()
            if await held if inspect.isawaitable(held) else held:
                return
            await anyio.sleep(0.005)
    raise AssertionError(f"not within {deadline} s: {inspect.getsource(condition).strip()}")
