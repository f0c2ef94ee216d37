"""Dead letters of this process's groups: they are handled again where an operator says so."""

from pathlib import Path

import pytest

from actors import ActorSystem
from supervision import Report
from tests.events.conftest import Serve
from tests.events.subscribers import Subscriber
from tests.stores.running import Clock, query
from tests.waiting import until
from yabot.events import delivery
from yabot.events.bus import EventBus
from yabot.stores import pruning
from yabot.stores.database import DatabaseManager
from yabot.stores.pruning import Pruning

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PAUSE", 0)


async def give_up(bus: EventBus, db: DatabaseManager, n: int) -> int:
    """Publish an event that the subscriber refuses; the id of its letter."""
    await bus.publish("x", {"n": n})

    async def set_aside() -> bool:
        return await db.dead_letters.count() == 1

    await until(set_aside)
    return (await db.dead_letters.page())[0].id


async def test_a_letter_that_goes_back_is_handled_while_the_group_runs(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber(fails=delivery.ATTEMPTS)
    bus.subscribe("x", subscriber, group="shaky")
    serve("shaky")
    letter_id = await give_up(bus, db, 1)
    await bus.publish("x", {"n": 2})
    await until(lambda: subscriber.numbers == [2])
    await db.replays.replay(letter_id)
    await until(lambda: subscriber.numbers == [2, 1])

    async def is_gone() -> bool:
        return await db.dead_letters.count() == 0

    await until(is_gone)


async def test_a_letter_that_fails_again_stays_with_its_new_error(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber(fails=delivery.ATTEMPTS)
    bus.subscribe("x", subscriber, group="shaky")
    serve("shaky")
    letter_id = await give_up(bus, db, 1)
    subscriber.fails = 1_000
    await db.replays.replay(letter_id)
    await until(lambda: subscriber.fails == 1_000 - delivery.ATTEMPTS)

    async def waits_for_a_person() -> bool:
        return await db.reader.rows("SELECT returned_at FROM dead_letters") == [(None,)]

    await until(waits_for_a_person)
    assert subscriber.got == []


async def test_a_letter_that_goes_back_while_the_group_is_away_is_handled_at_its_start(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber(fails=delivery.ATTEMPTS)
    bus.subscribe("x", subscriber, group="shaky")
    first = serve("shaky")
    letter_id = await give_up(bus, db, 1)
    await first.stop()
    await db.replays.replay(letter_id)
    await bus.publish("x", {"n": 2})
    serve("shaky")
    await until(lambda: subscriber.numbers == [1, 2])


async def test_events_that_were_pruned_before_a_group_came_back_are_told_and_kept_in_mind(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    reports: list[Report] = []
    bus = EventBus(db.events, report=reports.append)
    subscriber = Subscriber()
    bus.subscribe("x", subscriber, group="away")
    await db.events.feed("away").taken(0)
    for n in range(3):
        await bus.publish("x", {"n": n})
    clock.advance(hours=30)
    await Pruning(db.writer, db.reader, event_retention=3_600).prune(clock())
    await bus.publish("x", {"n": 3})
    async with ActorSystem() as system:
        system.spawn(lambda: bus.relay("away"), name="away")
        await until(lambda: subscriber.numbers == [3])
    (report,) = reports
    assert "events 1 to 3 were pruned before this group took them" in report.reason
    assert report.offender == "away"
    told = query(path, "SELECT relay, first, last FROM event_gaps")
    assert told == [("away", 1, 3)]
    assert await db.events.feed("away").missed() is None


async def test_a_new_group_and_one_that_is_level_have_missed_nothing(
    bus: EventBus, db: DatabaseManager, clock: Clock
) -> None:
    feed = db.events.feed("g")
    assert await feed.missed() is None
    await bus.publish("x", {})
    assert await feed.missed() is None
    await feed.taken(1)
    clock.advance(hours=30)
    await Pruning(db.writer, db.reader, event_retention=3_600).prune(clock())
    assert await feed.missed() is None
