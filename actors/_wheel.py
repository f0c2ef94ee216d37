"""One timer wheel for a whole system: deadlines of asks, delays of restarts, timers, idle sweeps.

Entries that are due in the same slot share one timer, so a deadline costs two set operations.
Rule: an entry is called at or after its time, never before, and at most one slot late.

Hashed wheel after Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987), with a heap
of the used slots in place of a tick."""

from __future__ import annotations

import logging
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Protocol

import anyio

log = logging.getLogger("actors")

SLOT = 0.01
"""Seconds of one slot."""


class Due(Protocol):
    """Something that waits for its time."""

    def expire(self) -> None: ...


class Wheel:
    """Calls `expire()` on entries when their time has come."""

    __slots__ = ("_now", "_scope", "_slots", "_times")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._slots: dict[int, set[Due]] = {}
        self._times: list[int] = []
        self._scope: anyio.CancelScope | None = None

    def add(self, entry: Due, when: float) -> int:
        """Call `entry.expire()` at `when` on the loop's clock; returns the slot for `discard`."""
        slot = int(when / SLOT) + 1
        bucket = self._slots.get(slot)
        if bucket is None:
            self._slots[slot] = {entry}
            heappush(self._times, slot)
            if self._times[0] == slot and self._scope is not None:
                self._scope.deadline = slot * SLOT
        else:
            bucket.add(entry)
        return slot

    def discard(self, entry: Due, slot: int) -> None:
        """Forget an entry, if it still waits."""
        bucket = self._slots.get(slot)
        if bucket is not None:
            bucket.discard(entry)

    async def run(self) -> None:
        """Sleep until the next slot, call its entries, repeat."""
        while True:
            deadline = self._times[0] * SLOT if self._times else inf
            with anyio.CancelScope(deadline=deadline) as self._scope:
                await anyio.sleep_forever()
            self._scope = None
            self._expire(self._now())

    def _expire(self, now: float) -> None:
        while self._times and self._times[0] * SLOT <= now:
            for entry in self._slots.pop(heappop(self._times)):
                try:
                    entry.expire()
                except Exception:
                    log.exception("actors.timer_failed")
