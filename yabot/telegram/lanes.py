"""The calls that a sender has in hand, first in first out per lane.

The rule: memory is bounded by lane and in all. A lane that has more than its share is *behind*: it
keeps what it has, and the rest is read again from the outbox when that is gone. So one slow chat
holds up nobody.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from yabot.users.ports import QueuedCall

LANE_SHARE = 50
"""Rows of one lane in memory."""

ROWS_IN_HAND = 2_000
BYTES_IN_HAND = 64 * 1024 * 1024
"""Beyond either of these nothing more is read."""


@dataclass(slots=True)
class Lane:
    """One lane: its rows in hand, and the `seq` after which it must be read again."""

    name: str
    rows: deque[QueuedCall] = field(default_factory=deque)
    behind: int | None = None

    @property
    def full(self) -> bool:
        """Whether the lane has its share."""
        return len(self.rows) >= LANE_SHARE


class Lanes:
    """Every lane that has something to send. `seen` is the `seq` of the last row that came."""

    def __init__(self) -> None:
        self.seen = 0
        self.rows = 0
        self._bytes = 0
        self._lanes: dict[str, Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def full(self) -> bool:
        """Whether reading must wait."""
        return self.rows >= ROWS_IN_HAND or self._bytes >= BYTES_IN_HAND

    def put(self, row: QueuedCall) -> Lane | None:
        """Take the next row of the outbox; gives its lane if that was idle until now."""
        self.seen = row.seq
        lane = self._lanes.get(row.call.lane)
        if lane is None:
            lane = self._lanes[row.call.lane] = Lane(row.call.lane)
            self._append(lane, row)
            return lane
        if lane.behind is None:
            if lane.full:
                lane.behind = lane.rows[-1].seq
            else:
                self._append(lane, row)
        return None

    def refill(self, lane: Lane, rows: Sequence[QueuedCall], scanned: int) -> None:
        """Take a lane's rows out of `rows`, which are all up to `scanned`, up to what was seen."""
        if lane.behind is None:
            return
        for row in rows:
            if row.seq > self.seen or lane.full:
                break
            lane.behind = row.seq
            if row.call.lane == lane.name:
                self._append(lane, row)
        if not lane.full:
            lane.behind = max(lane.behind, min(scanned, self.seen))
            if lane.behind >= self.seen:
                lane.behind = None

    def settle(self, lane: Lane) -> None:
        """The first row of the lane is done."""
        row = lane.rows.popleft()
        self.rows -= 1
        self._bytes -= len(row.call.params)

    def forget(self, lane: Lane) -> None:
        """The lane has nothing more to send."""
        del self._lanes[lane.name]

    def _append(self, lane: Lane, row: QueuedCall) -> None:
        lane.rows.append(row)
        self.rows += 1
        self._bytes += len(row.call.params)
