"""A command under a key takes effect once, whoever repeats it and whenever."""

import asyncio
from dataclasses import replace

import pytest

from tests.fakes import MemoryStores
from tests.users.test_actor import REGISTER, nothing, users
from yabot.domain.commands import MoveBesitos
from yabot.domain.decision import Applied, Once, Rejected
from yabot.users.ports import Answer

pytestmark = pytest.mark.anyio

ONCE = Once("api:c:r:k", "print")
MOVE = MoveBesitos(amount=5, reason="test")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_command_under_one_key_takes_effect_once_and_is_answered_alike() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        first = await directory.apply("7", MOVE, once=ONCE)
        again = await directory.apply("7", MOVE, once=ONCE)
        other = await directory.apply("7", MOVE, once=Once("api:c:r:k", "another"))
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert (first.user, first.replayed, again.replayed) == (again.user, False, True)
    assert first.user.balance == 5
    assert isinstance(other, Rejected)
    assert other.code == "key_reused"


async def test_a_rejection_under_a_key_is_repeated_even_when_it_would_be_accepted_now() -> None:
    stores = MemoryStores()
    spend = MoveBesitos(amount=-5, reason="test")
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        first = await directory.apply("7", spend, once=Once("k", "f"))
        await directory.apply("7", MoveBesitos(amount=50, reason="test"))
        again = await directory.apply("7", spend, once=Once("k", "f"))
    assert isinstance(first, Rejected)
    assert again == replace(first, replayed=True)


async def test_of_two_users_who_are_asked_at_once_under_one_key_one_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores = MemoryStores()
    asked = {user_id: Once("api:c:r:k", f"the path of {user_id}") for user_id in ("7", "8")}
    look_up, waiting, both = stores.users.answer, list[str](), asyncio.Event()

    async def together(key: str) -> Answer | None:
        """Let both look the key up before either goes on."""
        found = await look_up(key)
        waiting.append(key)
        if len(waiting) == len(asked):
            both.set()
        async with asyncio.timeout(5):
            await both.wait()
        return found

    async with users(stores, nothing) as directory:
        for user_id in asked:
            await directory.apply(user_id, REGISTER)
        monkeypatch.setattr(stores.users, "answer", together)
        outcomes = await asyncio.gather(
            *(directory.apply(user_id, MOVE, once=once) for user_id, once in asked.items())
        )
        balances = [user.balance for user in [await directory.get(each) for each in asked] if user]
        assert isinstance(await directory.apply("8", MOVE), Applied)
    assert sorted(balances) == [0, 5]
    (refused,) = (outcome for outcome in outcomes if isinstance(outcome, Rejected))
    assert refused.code == "key_reused"


async def test_a_key_that_is_committed_just_after_it_was_looked_up_is_answered_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stores = MemoryStores()
    look_up, early = stores.users.answer, iter([True])

    async def too_early(key: str) -> Answer | None:
        return None if next(early, False) else await look_up(key)

    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        first = await directory.apply("7", MOVE, once=ONCE)
        monkeypatch.setattr(stores.users, "answer", too_early)
        again = await directory.apply("7", MOVE, once=ONCE)
        now = await directory.get("7")
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert (again.user, again.replayed) == (first.user, True)
    assert now == first.user
