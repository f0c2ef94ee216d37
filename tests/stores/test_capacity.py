"""What an operator is told about the room that is left and about what waits."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from actors import ActorSystem
from supervision import Health
from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from tests.waiting import until
from yabot.domain.decision import DurableCommand
from yabot.stores import capacity, sampling
from yabot.stores.capacity import LATE, Capacity, Queue, Room
from yabot.stores.database import DatabaseManager
from yabot.stores.sampling import Sampler, Sampling
from yabot.users.ports import MAX_BACKLOG, Arrival

pytestmark = pytest.mark.anyio

GROUP = "metrics"


@dataclass
class Disk:
    """A disk that has as much room as a test says."""

    free: int = 10 * 1024**3

    @property
    def f_bavail(self) -> int:
        return self.free // 4096

    @property
    def f_frsize(self) -> int:
        return 4096


def sampling_of(
    db: DatabaseManager, path: Path, clock: Clock, statvfs: Callable[[Path], Disk]
) -> Sampling:
    return Sampling(
        path,
        db.reader,
        clock,
        updates=db.inbox.backlog,
        relays=lambda: [GROUP],
        statvfs=statvfs,
    )


async def test_an_idle_database_is_well_and_tells_its_figures(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    seen = await sampling_of(db, path, clock, lambda _: Disk()).sample()
    assert seen.condition().health is Health.OK
    assert seen.room is not None
    assert seen.room.disk_free == 10 * 1024**3
    assert seen.room.database == path.stat().st_size  # noqa: ASYNC240
    assert seen.room.log == path.with_name("yabot.db-wal").stat().st_size
    assert seen.queues == {name: Queue(0, 0.0) for name in LATE}
    assert seen.line().startswith("10,240 MB free, database 0 MB, 0 updates")


@pytest.mark.parametrize(
    ("free", "health"),
    [
        (capacity.LOW_DISK, Health.OK),
        (capacity.LOW_DISK - 4096, Health.DEGRADED),
        (capacity.NO_DISK - 4096, Health.DOWN),
    ],
)
async def test_a_disk_that_fills_up_degrades_and_is_told_with_its_figure(
    free: int, health: Health, db: DatabaseManager, path: Path, clock: Clock
) -> None:
    seen = await sampling_of(db, path, clock, lambda _: Disk(free)).sample()
    condition = seen.condition()
    assert condition.health is health
    figure = f"only {free / 1024**2:,.0f} MB of disk free"
    assert (figure in condition.reason) is (health is not Health.OK)


def test_a_log_that_grows_degrades() -> None:
    room = Room(disk_free=10 * 1024**3, database=1, log=capacity.LARGE_LOG + 1)
    condition = Capacity(room).condition()
    assert condition.health is Health.DEGRADED
    assert "the log has 256 MB" in condition.reason


@pytest.mark.parametrize(
    ("waiting", "reason"),
    [
        (MAX_BACKLOG // 2, ""),
        (MAX_BACKLOG // 2 + 1, "25,001 updates wait; above 50,000 new ones are refused"),
    ],
)
def test_half_of_the_updates_that_may_wait_degrade_however_young(waiting: int, reason: str) -> None:
    condition = Capacity(queues={"updates": Queue(waiting, 1.0)}).condition()
    assert condition.health is (Health.DEGRADED if reason else Health.OK)
    assert condition.reason == reason


async def test_what_waits_is_counted_with_its_age(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    bodies = [b'{"update_id": %d}' % number for number in (1, 2, 3)]
    await db.inbox.accept([Arrival("7", 1, n, {}, body) for n, body in enumerate(bodies, 1)])
    await db.events.publish("something", b"{}")
    gift = DurableCommand("8", clock(), earn(5), "gift:8")
    await take_turn(db.users, "8", clock(), registration("8"), commands=(gift,))
    looks = sampling_of(db, path, clock, lambda _: Disk())
    clock.advance(seconds=50)
    seen = await looks.sample()
    assert seen.queues["updates"] == Queue(3, 50.0)
    assert seen.queues["events"].age == 50.0
    assert seen.queues["events"].waiting >= 1
    assert seen.queues["commands"] == Queue(1, 50.0)
    assert seen.condition().health is Health.OK

    clock.advance(seconds=20)
    condition = (await looks.sample()).condition()
    assert condition.health is Health.DEGRADED
    assert condition.reason == (
        "3 updates wait, the oldest for 70 s; 1 commands wait, the oldest for 70 s"
    )


async def test_events_that_a_relay_has_taken_wait_no_longer(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    for _ in range(3):
        await db.events.publish("something", b"{}")
    looks = sampling_of(db, path, clock, lambda _: Disk())
    assert (await looks.sample()).queues["events"].waiting == 3
    await db.events.feed(GROUP).taken(2)
    assert (await looks.sample()).queues["events"].waiting == 1
    await db.events.feed(GROUP).taken(3)
    assert (await looks.sample()).queues["events"] == Queue(0, 0.0)


async def test_a_disk_that_hangs_costs_one_thread_and_the_rest_is_seen(
    db: DatabaseManager, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "PATIENCE", 0.05)
    asked, answers = [], threading.Event()

    def hangs(_: Path) -> Disk:
        asked.append(1)
        answers.wait(10)
        return Disk()

    looks = sampling_of(db, path, clock, hangs)
    try:
        for _ in range(3):
            seen = await looks.sample()
            assert seen.room is None
            assert seen.queues
        assert len(asked) == 1
    finally:
        answers.set()

    async def heals() -> bool:
        return (await looks.sample()).room is not None

    await until(heals)


async def test_a_database_that_is_closed_leaves_the_disk_to_be_seen(
    db: DatabaseManager, path: Path, clock: Clock
) -> None:
    looks = sampling_of(db, path, clock, lambda _: Disk())
    await db.reader.close()
    seen = await looks.sample()
    assert seen.room is not None
    assert seen.queues == {}


async def test_the_sampler_goes_on_sampling(
    db: DatabaseManager, path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "EVERY", 0.01)
    disk = Disk()
    looks = sampling_of(db, path, clock, lambda _: disk)
    async with ActorSystem() as system:
        system.spawn(lambda: Sampler(looks), name="capacity")
        await until(lambda: looks.seen.room is not None)
        disk.free = 0
        with anyio.fail_after(5):
            await until(lambda: looks.seen.condition().health is Health.DOWN)
