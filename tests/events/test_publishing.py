"""Publishing: checked before it leaves, durable when it returns, and never a handler's trouble."""

from collections.abc import Mapping

import anyio
import pytest

from actors import Actor, ActorSystem, Message, origin
from tests.events.conftest import Serve
from tests.events.subscribers import Subscriber
from tests.fakes import MemoryStores
from tests.stores.running import Clock
from tests.stores.turns import earn, registration, take_turn
from tests.users.test_actor import arrive, users
from tests.waiting import until
from yabot.domain.events import Announcement, BesitosAdded
from yabot.errors import StoreUnavailable
from yabot.events import bus as publishing
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.events.delivery import EVERY_EVENT
from yabot.events.errors import InvalidEvent
from yabot.events.ports import EventFeed
from yabot.stores.database import DatabaseManager
from yabot.users.directory import UserDirectory
from yabot.users.turn import Turn, current_turn

pytestmark = pytest.mark.anyio

EARNED = {"amount": 5, "balance": 5, "reason": "gift"}


class Shaky:
    """An outbox that is away for the first few times."""

    def __init__(self, inner: DatabaseManager, fails: int) -> None:
        self._inner = inner.events
        self.fails = fails
        self.asked = 0

    async def publish(self, name: str, payload: bytes, **about: object) -> str:
        self.asked += 1
        if self.asked <= self.fails:
            raise StoreUnavailable("the disk is full")
        return await self._inner.publish(name, payload)

    def feed(self, relay: str) -> EventFeed:
        return self._inner.feed(relay)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(publishing, "LONGEST_PAUSE", 0.001)


async def published(db: DatabaseManager) -> list[BaseEvent]:
    return [BaseEvent.of(row) for row in await db.events.history(0, 100)]


async def test_a_known_name_takes_only_what_its_model_takes(
    bus: EventBus, db: DatabaseManager
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        await bus.publish("besitos_added", {"amount": "many", "colour": "red"})
    assert "besitos_added v1:" in str(refused.value)
    for field in ("amount", "balance", "reason", "colour"):
        assert f"{field}: " in str(refused.value)
    assert await published(db) == []
    event_id = await bus.publish("besitos_added", EARNED)
    (event,) = await published(db)
    assert event.event_id == event_id
    assert event.fact == BesitosAdded(amount=5, balance=5, reason="gift")


@pytest.mark.parametrize("name", ["", "*", "Besitos", "besitos added", "a.", "x" * 65, "a\n"])
async def test_a_name_that_no_type_could_hold_is_refused(bus: EventBus, name: str) -> None:
    with pytest.raises(InvalidEvent, match="can't name an event"):
        await bus.publish(name, {})


async def test_an_event_that_is_too_large_is_refused(bus: EventBus, db: DatabaseManager) -> None:
    with pytest.raises(InvalidEvent, match="holds at most 65536"):
        await bus.publish("x", {"text": "a" * publishing.LARGEST})
    assert await published(db) == []


@pytest.mark.usefixtures("short_pauses")
async def test_publishing_is_tried_again_while_the_store_is_away(db: DatabaseManager) -> None:
    outbox = Shaky(db, fails=publishing.ATTEMPTS - 1)
    await EventBus(outbox).publish("x", {"n": 1})
    assert outbox.asked == publishing.ATTEMPTS >= 4
    (event,) = await published(db)
    assert event.payload == {"n": 1}


@pytest.mark.usefixtures("short_pauses")
async def test_a_store_that_stays_away_is_told_to_who_publishes(db: DatabaseManager) -> None:
    outbox = Shaky(db, fails=publishing.ATTEMPTS)
    with pytest.raises(StoreUnavailable):
        await EventBus(outbox).publish("x", {"n": 1})
    assert outbox.asked == publishing.ATTEMPTS


async def test_in_a_turn_an_event_joins_the_commit_and_asks_no_store(db: DatabaseManager) -> None:
    stores, outbox, seen = MemoryStores(), Shaky(db, fails=1_000), []
    bus = EventBus(outbox, current_turn.get)

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        seen.append(await bus.publish("besitos_added", EARNED))
        seen.append(await bus.publish("moon_landed", {"crew": [1, 2]}))

    async with users(stores, handle) as directory:
        await deliver(stores, directory)
    assert seen == [None, None]
    assert outbox.asked == 0
    received, *facts, completed = stores.users.commits[-1].events
    assert facts == [
        BesitosAdded(amount=5, balance=5, reason="gift"),
        Announcement("moon_landed", b'{"crew":[1,2]}'),
    ]
    assert (received.name, completed.name) == ("update_received", "handler_completed")


async def test_a_turn_that_fails_has_published_nothing(db: DatabaseManager) -> None:
    stores = MemoryStores()
    bus = EventBus(db.events, current_turn.get)
    tried = 0

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        nonlocal tried
        tried += 1
        await bus.publish("moon_landed", {})
        if tried == 1:
            raise ValueError("not today")

    async with users(stores, handle) as directory:
        await deliver(stores, directory)
    landed = [
        event.name
        for commit in stores.users.commits
        for event in commit.events
        if event.name == "moon_landed"
    ]
    assert tried == 2
    assert landed == ["moon_landed"]


async def test_an_announcement_of_a_turn_is_an_event_of_its_user(
    bus: EventBus, serve: Serve, db: DatabaseManager, clock: Clock
) -> None:
    subscriber = Subscriber()
    bus.subscribe("moon_landed", subscriber, group="g")
    serve("g")
    stored = await db.users.load("7")
    turn = Turn(key="tg:1:1", user_id="7", now=clock(), stored=stored, store=db.users)
    token = current_turn.set(turn)
    try:
        turn.apply(registration("7"))
        turn.apply(earn(5))
        await EventBus(db.events, current_turn.get).publish("moon_landed", {"n": 1})
    finally:
        current_turn.reset(token)
    await db.users.commit(turn.to_commit())
    await until(lambda: bool(subscriber.got))
    (event,) = subscriber.got
    assert (event.user_id, event.sequence, event.payload) == ("7", 3, {"n": 1})
    assert (event.causation_id, event.correlation_id) == ("tg:1:1", "tg:1:1")


async def test_after_its_turn_a_handler_publishes_on_its_own(
    db: DatabaseManager, clock: Clock
) -> None:
    bus = EventBus(db.events, current_turn.get)
    stored = await db.users.load("7")
    turn = Turn(key="tg:1:1", user_id="7", now=clock(), stored=stored, store=db.users)
    token = current_turn.set(turn)
    try:
        turn.close()
        await bus.publish("moon_landed", {})
    finally:
        current_turn.reset(token)
    (event,) = await published(db)
    assert event.user_id == "system"


async def test_an_event_belongs_to_the_chain_of_the_message_that_is_handled(
    bus: EventBus, db: DatabaseManager
) -> None:
    class Publish(Message[None]):
        pass

    class Herald(Actor[Publish]):
        async def receive(self, message: Publish) -> None:
            await bus.publish("moon_landed", {})

    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with ActorSystem() as system:
        herald = system.spawn(Herald, name="herald")
        with origin(correlation_id="request-7", traceparent=trace):
            await herald.ask(Publish(), timeout=5)
    (event,) = await published(db)
    assert (event.correlation_id, event.traceparent) == ("request-7", trace)


async def test_what_a_subscriber_publishes_belongs_to_the_chain_of_what_it_heard(
    bus: EventBus, serve: Serve, db: DatabaseManager, clock: Clock
) -> None:
    async def herald(event: BaseEvent) -> None:
        await bus.publish("moon_landed", {})

    bus.subscribe("user_registered", herald, group="heralds")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    serve("heralds")
    await take_turn(db.users, "7", clock(), registration("7"), key="tg:1:1", traceparent=trace)

    async def has_landed() -> bool:
        return len(await published(db)) == 2

    await until(has_landed)
    heard, landed = await published(db)
    assert (landed.event_type, landed.user_id) == ("moon_landed", "system")
    assert landed.correlation_id == heard.correlation_id == "tg:1:1"
    assert landed.traceparent == heard.traceparent == trace


async def test_no_subscriber_is_a_publishers_trouble(
    bus: EventBus, serve: Serve, db: DatabaseManager
) -> None:
    async def stuck(event: BaseEvent) -> None:
        await anyio.sleep_forever()

    bus.subscribe(EVERY_EVENT, stuck, group="stuck")
    serve("stuck")
    with anyio.fail_after(5):
        for n in range(20):
            await bus.publish("x", {"n": n})
    assert len(await published(db)) == 20


async def deliver(stores: MemoryStores, directory: UserDirectory) -> None:
    """One update, until it is done."""
    for mail in await arrive(stores, "hello"):
        directory.deliver(mail)
    await until(lambda: not stores.inbox.backlog())
