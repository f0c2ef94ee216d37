"""What tests of the breaker share: a clock to set, calls that go well or fail, a small breaker."""

from collections.abc import Callable

import pytest

from supervision import (
    Breaker,
    BreakerPolicy,
    BreakerState,
    CountWindow,
    Report,
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Trouble(Exception):
    pass


class Answered(Exception):
    """An error that proves that somebody answered."""


def make(
    clock: Clock, report: Callable[[Report], None] | None = None, **options: object
) -> Breaker:
    policy = BreakerPolicy(
        **{"window": CountWindow(10), "minimum_calls": 4, "open_for": 5.0, **options}  # type: ignore[arg-type]
    )
    return Breaker("store", policy, clock=clock, rng=lambda: 0.5, report=report)


async def succeed() -> str:
    return "fine"


async def fail() -> str:
    raise Trouble("no answer")


async def trip(breaker: Breaker) -> None:
    while breaker.state is BreakerState.CLOSED:
        with pytest.raises(Trouble):
            await breaker.call(fail)
