"""The one shape of every relay: an actor that empties an outbox, in order, for ever.

A commit leaves rows; a relay reads them beyond the last one it has in hand, forwards them, and only
then lets them be settled. Whatever stops it (a crash, a restart, a kill), it starts again from the
oldest row that is not settled, so a row is forwarded at least once.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import anyio
import structlog

from actors import Actor
from supervision import BreakerOpen, backoff
from yabot.errors import YabotError

IDLE_POLL = 5.0
"""Seconds after which an idle relay looks again even if nobody woke it."""

log = structlog.get_logger(__name__)


class Row(Protocol):
    """What a relay must know of a row: its place in the order of commits."""

    @property
    def seq(self) -> int: ...


RowT = TypeVar("RowT", bound=Row)


class Relay(Actor[object], ABC, Generic[RowT]):
    """Empties one outbox. Subclasses say how to read, how to wait and how to forward.

    `forward` returns when the rows are in safe hands and raises YabotError (or OSError) for trouble
    outside; the same rows are then forwarded again after a backoff of at most `longest_pause`
    seconds. Any other error is a crash, and the supervisor's to judge.
    """

    batch = 500
    longest_pause = 10.0

    @abstractmethod
    async def read(self, after: int, limit: int) -> Sequence[RowT]:
        """At most `limit` unsettled rows with `seq > after`, in order; fewer when that is all."""

    @abstractmethod
    async def changed(self) -> None:
        """Return when rows may have come since the last `read`."""

    @abstractmethod
    async def forward(self, rows: Sequence[RowT]) -> None:
        """Take these rows to where they go."""

    async def run(self) -> None:
        """Read, forward, repeat."""
        in_hand, failures = 0, 0
        while True:
            try:
                rows = await self.read(in_hand, self.batch)
                if rows:
                    await self.forward(rows)
                    in_hand = rows[-1].seq
                failures = 0
            except (YabotError, BreakerOpen, OSError) as error:
                failures += 1
                await self._pause(error, failures)
                continue
            if len(rows) < self.batch:
                with anyio.move_on_after(IDLE_POLL):
                    await self.changed()

    async def _pause(self, error: Exception, failures: int) -> None:
        pause = backoff(failures, base=0.1, cap=self.longest_pause, rng=random.random)
        pause = max(pause, getattr(error, "retry_after", None) or 0.0)
        if failures == 1:
            log.warning("relay.paused", relay=type(self).__name__, error=str(error), pause=pause)
        await anyio.sleep(min(pause, self.longest_pause))


class Flush(Actor[object]):
    """Holds a stop, while the relays before it still run, until nothing waits to leave.

    `waiting` counts what has not left yet. How long the stop is held is its child's `shutdown`;
    what is left then stays durable and leaves at the next start.
    """

    def __init__(self, waiting: Callable[[], Awaitable[int]]) -> None:
        self._waiting = waiting

    async def stopping(self) -> None:
        """Return when the outboxes are empty."""
        while await self._waiting():
            await anyio.sleep(0.05)
