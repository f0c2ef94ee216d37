"""A chain of events can be followed back to the message that began it, however long it takes."""

import re
from collections.abc import Mapping
from datetime import timedelta

import pytest

from actors import origin
from tests.fakes import MemoryStores, utc_now
from tests.users.test_actor import REGISTER, arrive, nothing, users
from tests.waiting import until
from yabot.domain.commands import MoveBesitos, SetSubscription
from yabot.domain.decision import DurableCommand, Once
from yabot.users import cause
from yabot.users.directory import UserDirectory
from yabot.users.ports import Commit
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
GIFT = MoveBesitos(amount=5, reason="gift")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def causes(commit: Commit) -> tuple[str, str, str]:
    return commit.causation_id, commit.correlation_id, commit.traceparent


async def deliver_due(stores: MemoryStores, directory: UserDirectory, **later: float) -> Commit:
    """Deliver the one command that is due, and give the commit of its turn."""
    (due,) = await stores.commands.due(utc_now() + timedelta(**later), 0, 10)
    before = len(stores.users.commits)
    directory.deliver_due(due)
    await until(lambda: len(stores.users.commits) > before)
    return stores.users.commits[-1]


async def test_an_update_begins_a_chain_under_its_own_key() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        (mail,) = await arrive(stores, "hello")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert causes(stores.users.commits[-1]) == (mail.key, mail.key, cause.trace_of(mail.key))


async def test_what_an_update_sets_off_later_goes_on_with_its_chain() -> None:
    stores = MemoryStores()

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        turn.apply(REGISTER)
        turn.apply(SetSubscription(plan="vip", end_date=turn.now + timedelta(hours=1)))

    async with users(stores, handle) as directory:
        (mail,) = await arrive(stores, "buy")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
        expiry = await deliver_due(stores, directory, hours=2)
    assert causes(expiry) == ("cmd:1", mail.key, cause.trace_of(mail.key))


async def test_a_request_gives_its_own_ids_to_all_that_it_sets_off() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        with origin(correlation_id="request-7", traceparent=TRACE):
            await directory.apply("7", GIFT, once=Once("api:shop:move:k1", "f"))
            keyed = stores.users.commits[-1]
            await directory.apply("7", GIFT)
            bare = stores.users.commits[-1]
            ends = utc_now() + timedelta(hours=1)
            await directory.apply("7", SetSubscription(plan="vip", end_date=ends))
        expiry = await deliver_due(stores, directory, hours=2)
    assert causes(keyed) == ("api:shop:move:k1", "request-7", TRACE)
    assert causes(bare) == ("api:request-7", "request-7", TRACE)
    assert causes(expiry) == ("cmd:1", "request-7", TRACE)


async def test_a_request_without_a_trace_gets_one() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        with origin(correlation_id="request-7"):
            await directory.apply("7", REGISTER)
    assert causes(stores.users.commits[-1])[2] == cause.trace_of("request-7")


async def test_a_command_that_nobody_claims_begins_a_chain() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        stores.commands.add(DurableCommand("7", utc_now(), GIFT, "gift:1"))
        given = await deliver_due(stores, directory)
    assert causes(given) == ("cmd:1", "cmd:1", cause.trace_of("cmd:1"))


async def test_what_is_given_up_tells_where_it_came_from() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        (mail,) = await arrive(stores, "deadly")
        directory.set_aside(mail, "killed")
        await until(lambda: not stores.inbox.backlog())
    assert causes(stores.users.commits[-1])[:2] == (mail.key, mail.key)


def test_a_trace_is_made_from_its_key_in_the_form_of_w3c() -> None:
    trace = cause.trace_of("tg:1:1")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace)
    assert trace == cause.trace_of("tg:1:1") != cause.trace_of("tg:1:2")
