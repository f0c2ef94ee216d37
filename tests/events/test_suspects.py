"""A handler that ends the process: its event is found, set aside, and nothing loops for ever."""

import pytest

from tests.events.conftest import Serve
from tests.events.subscribers import Subscriber
from tests.stores.running import Clock, running
from tests.waiting import until
from yabot.events import delivery
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.events.relay import GIVEN_UP, SUSPECT, EventRelay
from yabot.stores.database import DatabaseManager

pytestmark = pytest.mark.anyio

GROUP = "deadly"


async def died(db: DatabaseManager, times: int, group: str = GROUP) -> None:
    """As if the process had ended that often since the group last came further."""
    feed = db.events.feed(group)
    await feed.attempts()
    for _ in range(times):
        await feed.stamp()


async def attempts(db: DatabaseManager) -> int:
    return await db.events.feed(GROUP).attempts()


def counting(bus: EventBus, db: DatabaseManager) -> list[int]:
    """The attempts that were counted when the group's handler was called, call by call."""
    counted: list[int] = []

    async def count(_: BaseEvent) -> None:
        counted.append(await attempts(db))

    bus.subscribe("x", count, group=GROUP)
    return counted


async def test_after_two_deaths_events_are_counted_one_by_one_until_those_in_hand_are_done(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    counted = counting(bus, db)
    await died(db, SUSPECT)
    for n in range(EventRelay.batch + 2):
        await bus.publish("x", {"n": n})
    serve(GROUP)
    await until(lambda: len(counted) == EventRelay.batch + 2)
    assert counted == [SUSPECT + 1, *[1] * (EventRelay.batch - 1), 0, 0]


async def test_suspects_of_two_groups_are_never_in_hand_together(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    both, seen = ("one", "other"), []

    async def look(_: BaseEvent) -> None:
        seen.append([await db.events.feed(group).attempts() for group in both])

    for group in both:
        bus.subscribe("x", look, group=group)
        await died(db, SUSPECT, group)
    for n in range(3):
        await bus.publish("x", {"n": n})
    for group in both:
        serve(group)
    await until(lambda: len(seen) == 6)
    assert sorted(seen[0]) == [SUSPECT, SUSPECT + 1]
    for found in seen[1:]:
        assert sorted(found) in ([0, 1], [0, SUSPECT + 1], [1, SUSPECT])


async def test_after_one_death_nothing_is_counted(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    counted = counting(bus, db)
    await died(db, SUSPECT - 1)
    await bus.publish("x", {"n": 1})
    serve(GROUP)
    await until(lambda: counted == [SUSPECT - 1])


async def test_an_event_that_was_alone_at_two_more_deaths_is_set_aside_and_the_next_one_comes(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber()
    bus.subscribe("x", subscriber, group=GROUP)
    await died(db, GIVEN_UP)
    await bus.publish("unwanted", {})
    await bus.publish("x", {"n": 1})
    await bus.publish("x", {"n": 2})
    serve(GROUP)
    await until(lambda: subscriber.numbers == [2])

    async def is_absolved() -> bool:
        return await attempts(db) == 0

    await until(is_absolved)
    (letter,) = await db.dead_letters.page()
    assert letter.letter.error == f"{GROUP}: HandlerExited: handling it has ended the process"
    assert b'"n":1' in letter.letter.body


async def test_a_clean_stop_blames_nobody(clock: Clock, db: DatabaseManager) -> None:
    path = db._path
    await died(db, 1)
    await db.close()
    async with running(path, clock) as again:
        assert await attempts(again) == 0


async def test_a_letter_is_one_again_before_it_is_tried_again(
    bus: EventBus, serve: Serve, db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "ATTEMPTS", 1)
    seen: list[list[tuple[object, ...]]] = []

    async def look(_: BaseEvent) -> None:
        seen.append(await db.reader.rows("SELECT error, returned_at FROM dead_letters"))
        if len(seen) == 1:
            raise ValueError("not today")

    bus.subscribe("x", look, group=GROUP)
    serve(GROUP)
    await bus.publish("x", {"n": 1})

    async def set_aside() -> bool:
        return await db.dead_letters.count() == 1

    await until(set_aside)
    (letter,) = await db.dead_letters.page()
    await db.replays.replay(letter.id)
    await until(lambda: len(seen) == 2)
    assert seen[1] == [(f"{GROUP}: the process ended while it was tried again", None)]
