"""EventBus: what is published reaches every group, in order, at least once."""

from collections.abc import Sequence

import anyio
import pytest

from tests.events.conftest import Serve
from tests.events.subscribers import Subscriber
from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.events import delivery, relay
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.events.delivery import EVERY_EVENT
from yabot.stores.database import DatabaseManager
from yabot.users.ports import DeadLetter

pytestmark = pytest.mark.anyio


async def test_a_published_event_reaches_its_subscriber(
    bus: EventBus, serve: Serve, clock: Clock
) -> None:
    subscriber = Subscriber()
    bus.subscribe("content_changed", subscriber, group="menus")
    serve("menus")
    event_id = await bus.publish("content_changed", {"n": 1}, correlation_id="c-1")
    assert event_id is not None
    await bus.publish("something_else", {"n": 2})
    await until(lambda: bool(subscriber.got))
    (event,) = subscriber.got
    assert event.validate()
    assert event == BaseEvent(
        event_id=event_id,
        event_type="content_changed",
        timestamp=clock(),
        correlation_id="c-1",
        user_id="system",
        epoch=1,
        sequence=1,
        payload={"n": 1},
    )


async def test_the_events_of_a_turn_come_in_their_order(
    bus: EventBus, serve: Serve, db: DatabaseManager, clock: Clock
) -> None:
    subscriber = Subscriber()
    bus.subscribe(EVERY_EVENT, subscriber, group="all")
    serve("all")
    await take_turn(db.users, "1", clock(), registration("1"), earn(3), earn(-2), key="tg:7:1")
    await until(lambda: len(subscriber.got) == 3)
    assert [event.event_type for event in subscriber.got] == [
        "user_registered",
        "besitos_added",
        "besitos_spent",
    ]
    assert [event.sequence for event in subscriber.got] == [1, 2, 3]
    assert {event.correlation_id for event in subscriber.got} == {"tg:7:1"}
    assert subscriber.got[2].payload == {"amount": 2, "balance": 1, "reason": "test"}


async def test_every_group_gets_every_event(bus: EventBus, serve: Serve) -> None:
    groups = {name: Subscriber() for name in ("one", "two")}
    for name, subscriber in groups.items():
        bus.subscribe("x", subscriber, group=name)
        serve(name)
    for n in range(5):
        await bus.publish("x", {"n": n})
    await until(lambda: all(len(each.got) == 5 for each in groups.values()))
    assert all(each.numbers == list(range(5)) for each in groups.values())
    assert list(bus.groups) == ["one", "two"]


async def test_a_failing_handler_is_tried_again(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber(fails=delivery.ATTEMPTS - 1)
    bus.subscribe("x", subscriber, group="shaky")
    serve("shaky")
    await bus.publish("x", {"n": 1})
    await until(lambda: bool(subscriber.got))
    assert await db.dead_letters.count() == 0


async def test_an_event_that_keeps_failing_is_set_aside_and_the_next_one_comes(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber(fails=delivery.ATTEMPTS)
    bus.subscribe("x", subscriber, group="shaky")
    serve("shaky")
    event_id = await bus.publish("x", {"n": 1})
    await bus.publish("x", {"n": 2})
    await until(lambda: subscriber.numbers == [2])

    async def set_aside() -> bool:
        return await db.dead_letters.count() == 1

    await until(set_aside)
    (letter,) = await db.dead_letters.page()
    assert letter.letter.kind == "event"
    assert letter.letter.key == f"shaky:{event_id}"
    assert "not today" in letter.letter.error
    assert b'"n":1' in letter.letter.body


async def test_a_handler_that_hangs_is_a_handler_that_fails(
    bus: EventBus, serve: Serve, db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "HANDLING", 0.01)
    stuck, others = _Stuck(), Subscriber()
    bus.subscribe("x", stuck, group="stuck")
    bus.subscribe("x", others, group="others")
    serve("stuck")
    serve("others")
    await bus.publish("x", {"n": 1})
    await until(lambda: bool(others.got))

    async def set_aside() -> bool:
        return await db.dead_letters.count() == 1

    await until(set_aside)
    assert stuck.entered == delivery.ATTEMPTS


async def test_a_broken_group_delays_nobody_but_itself(
    bus: EventBus, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FIRST_PAUSE", 1_000)
    monkeypatch.setattr(delivery, "LONGEST_PAUSE", 1_000)
    broken, sound = Subscriber(fails=1_000), Subscriber()
    bus.subscribe("x", broken, group="broken")
    bus.subscribe("x", sound, group="sound")
    serve("broken")
    serve("sound")
    for n in range(20):
        await bus.publish("x", {"n": n})
    await until(lambda: sound.numbers == list(range(20)))
    assert broken.got == []


async def test_a_group_goes_on_where_it_was_after_a_restart(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    subscriber = Subscriber()
    bus.subscribe("x", subscriber, group="g")
    first = serve("g")
    await bus.publish("x", {"n": 1})

    async def taken() -> bool:
        return await db.events.feed("g").lag() == 0

    await until(lambda: bool(subscriber.got))
    await until(taken)
    await first.stop()
    await bus.publish("x", {"n": 2})
    serve("g")
    await until(lambda: subscriber.numbers == [1, 2])


async def test_what_can_not_be_noted_is_noted_later_and_not_handled_again(
    bus: EventBus, serve: Serve, db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscriber, feed = Subscriber(), db.events.feed("g")
    taken, away = feed.taken, 3

    async def away_at_first(seq: int, dead_letters: Sequence[DeadLetter] = ()) -> None:
        nonlocal away
        if away:
            away -= 1
            raise StoreUnavailable("the disk is full", retry_after=0.01)
        await taken(seq, dead_letters)

    monkeypatch.setattr(feed, "taken", away_at_first)
    bus.subscribe("x", subscriber, group="g")
    await bus.publish("x", {"n": 1})
    await bus.publish("x", {"n": 2})
    subscriber.fails = delivery.ATTEMPTS
    serve("g")

    async def noted() -> bool:
        return await feed.lag() == 0

    await until(noted)
    assert away == 0
    assert subscriber.numbers == [2]
    assert await db.dead_letters.count() == 1


async def test_a_new_group_begins_with_the_oldest_event_that_is_kept(
    bus: EventBus, serve: Serve
) -> None:
    for n in range(3):
        await bus.publish("x", {"n": n})
    late = Subscriber()
    bus.subscribe("x", late, group="late")
    serve("late")
    await until(lambda: late.numbers == [0, 1, 2])


async def test_health_says_how_far_behind_each_group_is(bus: EventBus, serve: Serve) -> None:
    bus.subscribe("x", Subscriber(), group="g")
    await bus.publish("x", {})
    await bus.publish("x", {})
    health = await bus.health_check()
    assert health.connected is None
    assert health.waiting == {"g": 2}
    serve("g")

    async def caught_up() -> bool:
        return (await bus.health_check()).waiting == {"g": 0}

    await until(caught_up)


async def test_a_payload_that_is_no_json_is_refused(bus: EventBus) -> None:
    with pytest.raises(TypeError):
        await bus.publish("x", {"n": object()})


def test_an_event_without_its_parts_is_not_valid(clock: Clock) -> None:
    assert not BaseEvent("", "x", clock(), "c").validate()


class _Stuck:
    """A handler that never comes back."""

    def __init__(self) -> None:
        self.entered = 0

    async def __call__(self, _event: BaseEvent) -> None:
        self.entered += 1
        await anyio.sleep_forever()


async def test_a_mark_that_takes_long_is_waited_for_while_the_bot_runs(
    bus: EventBus, serve: Serve, db: DatabaseManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LAST_MARK", 0.01)
    subscriber, feed = Subscriber(), db.events.feed("slow")
    taken = feed.taken

    async def take_slowly(seq: int, letters: Sequence[DeadLetter] = ()) -> None:
        await anyio.sleep(0.1)
        await taken(seq, letters)

    monkeypatch.setattr(feed, "taken", take_slowly)
    bus.subscribe("x", subscriber, group="slow")
    serve("slow")
    await bus.publish("x", {"n": 1})

    async def is_noted() -> bool:
        return bool(subscriber.got) and await feed.lag() == 0

    await until(is_noted)
