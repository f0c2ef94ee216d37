"""What other services tell: a broken user holds nobody up, a store that is away is waited for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from actors import ActorCrashed, ActorSystem
from supervision import run_tree
from tests.events.consumers import dead_letters
from tests.servers.valkey import Valkey, reaching
from tests.services.living import Living, living
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.events import delivery
from yabot.events.envelope import CloudEvent
from yabot.events.group_memory import GroupLetters
from yabot.events.processor import EventProcessor
from yabot.events.reader import Source
from yabot.events.streams import EXTERNAL_STREAM, FIELD
from yabot.ops.metrics import Metrics
from yabot.services.external import ExternalEvents
from yabot.users.ports import Commit
from yabot.wiring.listening import GROUP, ExternalDelivery

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bot() -> AsyncIterator[Living]:
    async with living() as it:
        for user_id in "12":
            await it.register(user_id)
        yield it


def granted(user_id: str) -> CloudEvent:
    """Five besitos for somebody."""
    return CloudEvent(
        id=f"grant-{user_id}",
        type="yabot.external.besitos.granted.v1",
        time=datetime.now(UTC),
        subject=user_id,
        source="/shop",
        data={"amount": 5, "reason": "raffle"},
    )


def fail(bot: Living, user_id: str, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the commits of one user raise."""
    commit = bot.stores.users.commit

    async def failing(made: Commit) -> int:
        if made.user_id == user_id:
            raise error
        return await commit(made)

    monkeypatch.setattr(bot.stores.users, "commit", failing)


async def test_an_event_that_crashes_its_user_is_a_dead_letter_and_can_be_tried_again(
    bot: Living, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = ExternalDelivery(ExternalEvents(bot.directory), Metrics())
    async with reaching(valkey.url) as server:
        queue = Source(EXTERNAL_STREAM, queue=True)
        processor = EventProcessor(server, GROUP, sources=(queue,), delivery=broken)
        letters = GroupLetters(server, GROUP)
        async with ActorSystem("listening") as system, run_tree(system, processor.branch()):
            with monkeypatch.context() as patched:
                fail(bot, "1", RuntimeError("a surprise"), patched)
                for user_id in "12":
                    event = granted(user_id).to_json()
                    await valkey.ask("XADD", EXTERNAL_STREAM, "*", FIELD, event)

                async def is_granted() -> bool:
                    return (await bot.user("2")).balance == 5

                await until(is_granted)
                (letter,) = await dead_letters(server, GROUP)
                assert letter.key == "external:grant-1"
                assert ActorCrashed.__name__ in letter.error
            (stored,) = await letters.page()
            assert await letters.replay(stored.id)

            async def is_made_good() -> bool:
                return (await bot.user("1")).balance == 5

            await until(is_made_good)
            assert await letters.count() == 0


async def test_a_store_that_is_away_gives_no_event_up(
    bot: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = ExternalDelivery(ExternalEvents(bot.directory), Metrics())
    with monkeypatch.context() as patched:
        fail(bot, "1", StoreUnavailable("the disk is full"), patched)
        for _ in range(delivery.ATTEMPTS + 1):
            with pytest.raises(StoreUnavailable):
                await events.deliver(granted("1"))
    assert await events.deliver(granted("1")) is None
    assert (await bot.user("1")).balance == 5
