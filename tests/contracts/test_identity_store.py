"""Every store of identities keeps them alike: the one in memory and the one in SQLite."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes.identity import MemoryIdentity
from tests.stores.running import Clock, running
from yabot.domain.decision import Once
from yabot.errors import AlreadyProcessed, CommitRefused
from yabot.identity import ApiClient, IdentityStore, Revocation, Session

pytestmark = pytest.mark.anyio

WEEK = timedelta(days=7)


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[IdentityStore]:
    if request.param == "memory":
        yield MemoryIdentity()
    else:
        async with running(tmp_path / "yabot.db", clock) as database:
            yield database.identity


def client(clock: Clock, name: str = "billing") -> ApiClient:
    return ApiClient(name, "ab" * 32, frozenset({"internal_api", "events:publish"}), clock())


def session(clock: Clock, name: str = "f1", *, of: str = "billing") -> Session:
    return Session(name, of, frozenset({"internal_api"}), clock() + WEEK, f"digest of {name}")


async def test_a_client_is_found_as_it_was_kept(store: IdentityStore, clock: Clock) -> None:
    billing = client(clock)
    await store.add_client(billing)
    await store.add_client(client(clock, "ads"))
    assert await store.client("billing") == billing
    assert await store.client("Billing") is None
    assert [found.client_id for found in await store.clients()] == ["ads", "billing"]


async def test_a_name_is_given_once_even_after_its_revocation(
    store: IdentityStore, clock: Clock
) -> None:
    await store.add_client(client(clock))
    await store.revoke_client("billing", clock())
    with pytest.raises(CommitRefused):
        await store.add_client(client(clock))


async def test_a_client_is_made_once_per_key_and_leaves_what_was_asked_under_it(
    store: IdentityStore, clock: Clock
) -> None:
    once = Once("api:admin:create_client:k", "print")
    assert await store.done_under(once.key) is None
    await store.add_client(client(clock), once)
    assert await store.done_under(once.key) == "print"
    with pytest.raises(AlreadyProcessed):
        await store.add_client(client(clock, "ads"), once)
    assert await store.client("ads") is None
    with pytest.raises(CommitRefused):
        await store.add_client(client(clock), replace(once, key="another"))
    assert await store.done_under("another") is None


async def test_the_first_moment_of_a_revocation_stays(store: IdentityStore, clock: Clock) -> None:
    await store.add_client(client(clock))
    first = clock()
    await store.revoke_client("billing", first)
    await store.revoke_client("billing", first + WEEK)
    found = await store.client("billing")
    assert found is not None
    assert found.revoked_at == first


async def test_a_session_moves_on_from_its_current_token_alone(
    store: IdentityStore, clock: Clock
) -> None:
    await store.add_client(client(clock))
    begun = session(clock)
    await store.begin_session(begun, clock(), most=10)
    assert await store.session("f1") == begun
    moved = replace(begun, current="b", previous=begun.current, seed="s", rotated_at=clock())
    await store.rotate_session(moved, replacing=begun.current)
    assert await store.session("f1") == moved
    await store.rotate_session(replace(moved, current="c"), replacing=begun.current)
    assert await store.session("f1") == moved


async def test_a_revoked_session_moves_no_more(store: IdentityStore, clock: Clock) -> None:
    await store.add_client(client(clock))
    begun = session(clock)
    await store.begin_session(begun, clock(), most=10)
    await store.revoke_session("f1", clock())
    await store.rotate_session(replace(begun, current="b"), replacing=begun.current)
    assert await store.session("f1") == replace(begun, revoked_at=clock())


async def test_a_new_session_removes_those_that_are_over_and_too_many(
    store: IdentityStore, clock: Clock
) -> None:
    await store.add_client(client(clock))
    await store.add_client(client(clock, "ads"))
    await store.begin_session(session(clock, "others", of="ads"), clock(), most=2)
    for number in range(4):
        later = replace(session(clock, f"f{number}"), expires_at=clock() + number * WEEK)
        await store.begin_session(later, clock(), most=2)
    kept = [name for name in ("f0", "f1", "f2", "f3", "others") if await store.session(name)]
    assert kept == ["f2", "f3", "others"]
    late = clock() + 10 * WEEK
    await store.begin_session(replace(session(clock, "f9"), expires_at=late), late, most=2)
    assert await store.session("others") is None


async def test_a_session_needs_its_client(store: IdentityStore, clock: Clock) -> None:
    with pytest.raises(CommitRefused):
        await store.begin_session(session(clock), clock(), most=2)


async def test_a_revocation_is_kept_until_it_is_void(store: IdentityStore, clock: Clock) -> None:
    now = clock()
    short, long = Revocation("a", now + WEEK), Revocation("b", now + 2 * WEEK)
    await store.add_revocation(short, now)
    await store.add_revocation(long, now)
    await store.add_revocation(long, now)
    assert {r.id for r in await store.revocations(now)} == {"a", "b"}
    assert await store.revocations(now + WEEK + timedelta(seconds=1)) == [long]
