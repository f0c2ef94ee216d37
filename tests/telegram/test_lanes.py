"""Lanes keep order within a bound, and read again what they had to leave."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.telegram import lanes as module
from yabot.telegram.flood import GLOBAL_LANES, FloodGate
from yabot.telegram.lanes import LANE_SHARE, Lane, Lanes
from yabot.users.ports import Call, QueuedCall

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def row(seq: int, lane: str = "a", size: int = 2) -> QueuedCall:
    return QueuedCall(seq, "7", Call(seq, lane, "sendMessage", b"x" * size), NOW)


def test_a_row_wakes_its_lane_only_while_it_is_idle() -> None:
    lanes = Lanes()
    lane = lanes.put(row(1))
    assert lane is not None
    assert lanes.put(row(2)) is None
    other = lanes.put(row(3, "b"))
    assert other is not None
    assert (len(lanes), lanes.rows, lanes.seen) == (2, 3, 3)
    lanes.settle(lane)
    lanes.settle(lane)
    lanes.forget(lane)
    assert lanes.put(row(4)) is not None


def test_a_full_lane_is_behind_and_others_are_not() -> None:
    lanes = Lanes()
    lane = lanes.put(row(1))
    assert lane is not None
    for seq in range(2, LANE_SHARE + 10):
        lanes.put(row(seq))
    assert len(lane.rows) == LANE_SHARE
    assert lane.behind == LANE_SHARE
    assert lanes.put(row(LANE_SHARE + 10, "b")) is not None


def test_reading_waits_when_rows_or_bytes_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_IN_HAND", 3)
    lanes = Lanes()
    for seq in range(1, 4):
        lanes.put(row(seq, f"lane {seq}"))
    assert lanes.full
    monkeypatch.setattr(module, "ROWS_IN_HAND", 10)
    monkeypatch.setattr(module, "BYTES_IN_HAND", 6)
    assert lanes.full


def test_reading_goes_on_while_there_is_room() -> None:
    lanes = Lanes()
    lanes.put(row(1))
    assert not lanes.full


@given(
    st.lists(st.sampled_from("aab"), min_size=1, max_size=60),
    st.lists(st.integers(0, 3), min_size=1, max_size=400),
    st.integers(1, 7),
)
def test_every_row_is_sent_once_and_in_the_order_of_its_lane(
    commits: list[str], steps: list[int], batch: int
) -> None:
    """Any interleaving of commits, reading, sending and refilling, on lanes of three rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LANE_SHARE", 3)
        world = _World(batch)
        for name in commits:
            world.steps(steps)
            world.commit(name)
        world.finish()
    assert world.sent == {
        name: [seq for seq, lane in enumerate(commits, 1) if lane == name] for name in set(commits)
    }


class _World:
    """An outbox, a sender's bookkeeping, and every step that may happen between two others."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.outbox: dict[int, QueuedCall] = {}
        self.lanes = Lanes()
        self.live: dict[str, Lane] = {}
        self.sent: dict[str, list[int]] = {}
        self.pending: tuple[Lane, list[QueuedCall], int] | None = None
        self._count = 0
        self._turn = 0

    def commit(self, name: str) -> None:
        self._count += 1
        self.outbox[self._count] = row(self._count, name)

    def steps(self, choices: list[int]) -> None:
        for choice in choices[self._turn % len(choices) :][:4]:
            (self.read, self.send, self.begin_refill, self.end_refill)[choice]()
        self._turn += 4

    def read(self) -> None:
        rows = [r for seq, r in sorted(self.outbox.items()) if seq > self.lanes.seen]
        for new in rows[: self.batch]:
            lane = self.lanes.put(new)
            if lane is not None:
                self.live[lane.name] = lane

    def send(self) -> None:
        for lane in list(self.live.values()):
            if lane.rows:
                done = lane.rows[0]
                del self.outbox[done.seq]
                self.sent.setdefault(lane.name, []).append(done.seq)
                self.lanes.settle(lane)
            if not lane.rows and lane.behind is None:
                self.lanes.forget(lane)
                del self.live[lane.name]

    def begin_refill(self) -> None:
        for lane in self.live.values():
            if self.pending is None and lane.behind is not None and not lane.rows:
                target = self.lanes.seen
                rows = [r for seq, r in sorted(self.outbox.items()) if seq > (lane.behind or 0)]
                rows = rows[: self.batch]
                scanned = rows[-1].seq if len(rows) == self.batch else target
                self.pending = (lane, rows, scanned)

    def end_refill(self) -> None:
        if self.pending is not None:
            self.lanes.refill(*self.pending)
            self.pending = None

    def finish(self) -> None:
        for _ in range(1000):
            if not self.outbox:
                return
            for step in (self.read, self.send, self.begin_refill, self.end_refill):
                step()
        raise AssertionError(f"rows are stuck: {sorted(self.outbox)}")


def test_a_flood_stops_its_lane_and_no_other() -> None:
    gate = FloodGate()
    gate.refused("a", 5, now=100)
    assert gate.wait("a", 101) == 4
    assert gate.wait("b", 101) == 0
    assert gate.wait("a", 105) == 0


def test_floods_on_several_lanes_at_once_stop_all() -> None:
    gate = FloodGate()
    for n in range(GLOBAL_LANES):
        gate.refused(f"lane {n}", 5, now=100 + n / 10)
    assert gate.wait("innocent", 101) == pytest.approx(4.2)


def test_floods_far_apart_stop_only_their_lanes() -> None:
    gate = FloodGate()
    for n in range(GLOBAL_LANES):
        gate.refused(f"lane {n}", 5, now=100 + n * 2)
    assert gate.wait("innocent", 104.5) == 0
