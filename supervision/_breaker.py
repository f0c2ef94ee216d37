"""Breaker: stop calling what does not answer, and find out cheaply when it does again.

Rule: a call that goes well through a closed breaker pays for a counter and nothing else; only what
a later state must recognise is written down."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType
from typing import TypeVar, cast

from supervision._breaker_policy import BreakerPolicy, BreakerStatistics
from supervision._breaker_table import BreakerState, Event
from supervision._circuit import Circuit, Permit
from supervision._report import Report

T = TypeVar("T")

_permits: ContextVar[tuple[Permit, ...]] = ContextVar("supervision.permits", default=())
"""The permits of the `async with` blocks around here, where they are written down."""


class _Done:
    """An awaitable that is done: what `async with` awaits, without the frame of a coroutine."""

    __slots__ = ()
    __await__ = ().__iter__


_DONE = cast("Awaitable[None]", _Done())


def every_error(_error: Exception) -> bool:
    """The default: whatever a call raises is a failure of what was called."""
    return True


def _without(permits: tuple[Permit, ...], gone: Permit) -> tuple[Permit, ...]:
    return tuple(permit for permit in permits if permit is not gone)


class Breaker(Circuit):
    """`async with breaker:` around a call, or `await breaker.call(function)`.

    Raises BreakerOpen without calling. `counts` says which errors are failures; others are
    successes, since whoever raised them answered. `fails` says which results of `call` are
    failures all the same. For one event loop, like everything here."""

    # A block that enters while `_plain` writes nothing down: `_inside` counts such blocks. They
    # lose that when the state changes, and until all of them have left, blocks that enter are
    # written down as `_permits`: who leaves and finds none is one of the old ones.

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy | None = None,
        *,
        counts: Callable[[Exception], bool] = every_error,
        fails: Callable[[object], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        super().__init__(
            name, policy or BreakerPolicy(), counts=counts, clock=clock, rng=rng, report=report
        )
        self._fails = fails
        self._inside = 0
        self._written = 0
        self._plain = self._may_be_plain()

    @property
    def state(self) -> BreakerState:
        """What the breaker does with a call now."""
        return self._state

    async def call(self, function: Callable[[], Awaitable[T]]) -> T:
        """Await `function()`, unless the breaker is open."""
        permit = self._shared or self._enter()
        try:
            result = await function()
            failed = self._fails is not None and self._fails(result)
        except BaseException as error:
            self._leave(permit, error)
            raise
        if failed:
            self._leave(permit, None, "its answer was a failure")
        elif permit is self._shared:
            self._memory.add(False, False)
        else:
            self._leave(permit, None)
        return result

    def __aenter__(self) -> Awaitable[None]:
        if self._plain:
            self._inside += 1
        else:
            _permits.set((*_permits.get(), self._enter()))
            self._written += 1
        return _DONE

    def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Awaitable[None]:
        if self._plain and error is None:
            self._inside -= 1
            self._memory.add(False, False)
        else:
            self._leave_block(error)
        return _DONE

    def _leave_block(self, error: BaseException | None) -> None:
        if self._plain and self._shared is not None:
            self._inside -= 1
            self._leave(self._shared, error)
            return
        permit = self._written_permit()
        if permit is None:
            self._inside -= 1
        else:
            self._leave(permit, error)
        self._plain = self._may_be_plain()

    def _written_permit(self) -> Permit | None:
        """The permit of the innermost block of this breaker, if it is written down."""
        permits = _permits.get()
        for permit in reversed(permits):
            if permit.circuit is self and not permit.left:
                permit.left = True
                self._written -= 1
                rest = permits[:-1] if permit is permits[-1] else _without(permits, permit)
                _permits.set(rest)
                return permit
        return None

    def _may_be_plain(self) -> bool:
        return self._shared is not None and not self._inside and not self._written

    def _move(self, event: Event) -> None:
        """Change the state as the table says, and begin a new era."""
        super()._move(event)
        self._plain = self._may_be_plain()

    def force_open(self) -> None:
        """Refuse every call until `reset()`."""
        self._move(Event.FORCE_OPEN)

    def force_close(self) -> None:
        """Let every call through, count it, never open, until `reset()`."""
        self._move(Event.FORCE_CLOSE)

    def disable(self) -> None:
        """Let every call through and count nothing until `reset()`."""
        self._move(Event.DISABLE)

    def reset(self) -> None:
        """Close, forget the window, and go on normally."""
        self._relapses = 0
        self._move(Event.RESET)

    def statistics(self) -> BreakerStatistics:
        """What the breaker knows now."""
        totals = self._memory.totals()
        calls = max(1, totals.calls)
        return BreakerStatistics(
            name=self.name,
            state=self._state,
            calls=totals.calls,
            failed=totals.failed,
            slow=totals.slow,
            failure_rate=totals.failed / calls,
            slow_rate=totals.slow / calls,
            refused=self._refused,
            opened=self._opened,
            retry_after=self._retry_after(self._clock()),
            last_error=self._last_error,
        )
