"""Waiting for something to become true, with a deadline."""

from collections.abc import Callable

import anyio

DEADLINE = 10.0


async def until(condition: Callable[[], object]) -> None:
    """Return as soon as `condition()` holds; raises TimeoutError after ten seconds."""
    with anyio.fail_after(DEADLINE):
        while not condition():
            await anyio.sleep(0.002)
