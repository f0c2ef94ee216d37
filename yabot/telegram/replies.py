"""The relay of the replies outbox: recorded calls leave for Telegram.

The rule: one call of a lane at a time and in order, lanes side by side, and a row leaves the outbox
only when Telegram has answered for it. So at most one call of each lane is repeated after a crash.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import structlog

from supervision import BreakerOpen, backoff
from yabot import faults
from yabot.errors import StoreUnavailable, YabotError
from yabot.outbox import Relay
from yabot.telegram.delivery import Delivery, Refused, Sent, Throttled
from yabot.telegram.drains import Drains
from yabot.telegram.flood import FloodGate
from yabot.telegram.lanes import Lane, Lanes
from yabot.users.ports import QueuedCall, ReplyOutbox

CHATS_AT_ONCE = 60
ANSWERS_AT_ONCE = 30
"""Requests under way; answers to presses have their own, so that they never wait behind sends."""

SHORTEST_PAUSE = 0.05
LONGEST_PAUSE = 10.0
"""Seconds between attempts while Telegram is away."""

STORE_PAUSE = 1.0

GRACE = 5.0
"""Seconds that a stop leaves to what is under way."""

PATIENCE = 10
"""Failures after which a call is set aside. One counts only if another call went through since the
attempt before, so an outage, however long, costs no call."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Sending:
    """What a sender has in hand, and what all its incarnations have done."""

    in_hand: int
    lanes: int
    sent: int
    refused: int
    stale: int
    retried: int


class SendingMeter:
    """The counters of the sender; they outlive its incarnations."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.sent = self.refused = self.stale = self.retried = 0

    def statistics(self) -> Sending:
        """The counters, as they are now."""
        return Sending(
            self.lanes.rows, len(self.lanes), self.sent, self.refused, self.stale, self.retried
        )


class ReplySender(Relay[QueuedCall]):
    """Sends recorded calls: trouble that passes is waited out, what is refused is set aside."""

    batch = 100

    def __init__(
        self, outbox: ReplyOutbox, delivery: Delivery, meter: SendingMeter | None = None
    ) -> None:
        super().__init__()
        self._outbox = outbox
        self._delivery = delivery
        self._meter = meter or SendingMeter()
        self._lanes = self._meter.lanes = Lanes()
        self._flood = FloodGate()
        self._reread = False
        self._refills = 0
        self._room = anyio.Event()
        self._stop = anyio.CancelScope()
        self._drains = Drains(self._stop.cancel)
        self._under_way: set[str] = set()
        self._chats = asyncio.Semaphore(CHATS_AT_ONCE)
        self._answers = asyncio.Semaphore(ANSWERS_AT_ONCE)

    async def run(self) -> None:
        """Relay rows to lanes, each drained by a task of its own while it has rows."""
        try:
            with self._stop:
                await super().run()
        finally:
            with anyio.CancelScope(shield=True):
                await self._drains.stop(self._under_way, GRACE)
        if self._drains.failure is not None:
            raise self._drains.failure

    async def read(self, after: int, limit: int) -> Sequence[QueuedCall]:
        """Rows of the outbox."""
        self._reread = self._refills > 0
        return await self._outbox.read(after, limit)

    async def changed(self) -> None:
        """Wait for a commit that leaves calls.

        The outbox tells of one only until it is read, and a lane may have been the reader.
        """
        if not self._reread:
            await self._outbox.changed()

    async def forward(self, rows: Sequence[QueuedCall]) -> None:
        """Put rows into their lanes, waiting while too many are in hand."""
        for row in rows:
            while self._lanes.full:
                self._room = anyio.Event()
                await self._room.wait()
            idle = self._lanes.put(row)
            if idle is not None:
                self._drains.start(idle.name, self._drain(idle))

    async def _drain(self, lane: Lane) -> None:
        while lane.rows:
            if not await self._deliver(lane.rows[0]):
                return
            self._lanes.settle(lane)
            self._room.set()
            while lane.behind is not None and not lane.rows:
                await self._refill(lane)
        self._lanes.forget(lane)

    async def _refill(self, lane: Lane) -> None:
        after, target = lane.behind or 0, self._lanes.seen
        self._reread = True
        self._refills += 1
        try:
            rows = await self._outbox.read(after, self.batch)
        except StoreUnavailable as error:
            log.warning("reply.refill_waits", lane=lane.name, error=str(error))
            rows = None
        finally:
            self._refills -= 1
        if rows is None:
            await asyncio.sleep(STORE_PAUSE)
            return
        self._lanes.refill(lane, rows, rows[-1].seq if len(rows) == self.batch else target)

    async def _deliver(self, row: QueuedCall) -> bool:
        """Try until the row is settled, pausing as Telegram asks; False when a stop comes first."""
        failures, alone, sent_before = 0, 0, self._meter.sent
        while not self._drains.stopping:
            await self._hold(row.call.lane)
            try:
                if await self._attempt(row):
                    return True
                continue
            except BreakerOpen as error:
                pause = max(error.retry_after, SHORTEST_PAUSE)
            except YabotError as error:
                failures += 1
                alone += self._meter.sent > sent_before
                sent_before = self._meter.sent
                if alone >= PATIENCE:
                    return await self._settle(row, Refused(f"after {failures} attempts: {error}"))
                pause = self._after_failure(row, failures, error)
            await asyncio.sleep(pause)
        return False

    async def _hold(self, lane: str) -> None:
        while (wait := self._flood.wait(lane, time.monotonic())) > 0:
            await asyncio.sleep(wait)

    async def _attempt(self, row: QueuedCall) -> bool:
        """Send and mark; False when Telegram asked to wait, or a stop came before the mark."""
        lane = row.call.lane
        async with self._answers if lane.startswith("answer:") else self._chats:
            if self._drains.stopping:
                return False
            self._under_way.add(lane)
            try:
                outcome = await self._delivery.attempt(row)
                if isinstance(outcome, Throttled):
                    log.warning("reply.held_back", lane=lane, seconds=outcome.seconds)
                    self._flood.refused(lane, outcome.seconds, time.monotonic())
                    return False
                faults.reach("after_send")
                if await self._mark(row, outcome):
                    return True
            finally:
                self._under_way.discard(lane)
        return await self._settle(row, outcome)

    async def _settle(self, row: QueuedCall, outcome: Sent | Refused) -> bool:
        """Mark until the store takes it; False when a stop comes first."""
        attempt = 0
        while not self._drains.stopping:
            if await self._mark(row, outcome):
                return True
            attempt += 1
            await asyncio.sleep(backoff(attempt, base=0.1, cap=LONGEST_PAUSE, rng=random.random))
        return False

    async def _mark(self, row: QueuedCall, outcome: Sent | Refused) -> bool:
        """Settle the row; False when the store is away."""
        try:
            if isinstance(outcome, Sent):
                await self._outbox.sent(row, outcome.message_id)
                self._meter.sent += not outcome.stale
                self._meter.stale += outcome.stale
            else:
                await self._outbox.refused(row, outcome.error, unreachable=outcome.unreachable)
                self._meter.refused += 1
                log.warning("reply.refused", lane=row.call.lane, seq=row.seq, error=outcome.error)
        except StoreUnavailable as error:
            log.warning("reply.mark_waits", seq=row.seq, error=str(error))
            return False
        return True

    def _after_failure(self, row: QueuedCall, failures: int, error: YabotError) -> float:
        """Count a failed attempt and give the seconds until the next."""
        self._meter.retried += 1
        if failures == 1:
            log.warning("reply.retried", lane=row.call.lane, seq=row.seq, error=str(error))
        pause = backoff(failures, base=0.2, cap=LONGEST_PAUSE, rng=random.random)
        return max(pause, error.retry_after or 0.0)
