"""What `UserGateway` promises: the real directory, and the fake that the API is tested with."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import anyio
import pytest

from actors import ActorSystem
from tests.api.fakes import FakeClock, MemoryUsers
from tests.fakes import MemoryStores
from tests.stores.running import Clock
from yabot.domain.commands import DeleteUser, MoveBesitos, RegisterUser
from yabot.domain.decision import CHANGED, Applied, Once, Rejected
from yabot.domain.values import UserId
from yabot.errors import DeadlinePassed
from yabot.services.gateway import UserGateway
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import Stored
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

REGISTER = RegisterUser(telegram_user_id=7, first_name="Ana")
EARN = MoveBesitos(amount=5, reason="test")
SPEND = MoveBesitos(amount=-50, reason="test")


class Open(Protocol):
    """Opens a gateway; a slow one does not answer in time."""

    def __call__(self, *, slow: bool = False) -> AbstractAsyncContextManager[UserGateway]: ...


@pytest.fixture(params=["directory", "fake"])
def opened(request: pytest.FixtureRequest, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Open:
    @asynccontextmanager
    async def directory(*, slow: bool = False) -> AsyncIterator[UserGateway]:
        async with ActorSystem(drain=0.1) as system:
            stores = MemoryStores(clock)
            if slow:
                monkeypatch.setattr(stores.users, "load", _never)
            parts = UserParts(stores.users, _unused, lambda turn: None, clock)
            yield UserDirectory(system, parts, stores.inbox)

    @asynccontextmanager
    async def fake(*, slow: bool = False) -> AsyncIterator[UserGateway]:
        yield MemoryUsers(FakeClock(), delay=5.0 if slow else 0.0)

    return directory if request.param == "directory" else fake


async def _never(user_id: UserId, *, fenced: bool = False) -> Stored:
    await anyio.sleep_forever()
    raise AssertionError


async def _unused(turn: Turn, update: object) -> None:
    raise AssertionError("no update comes")


async def test_an_unknown_user_is_none_and_what_is_asked_of_them_is_a_404(opened: Open) -> None:
    async with opened() as users:
        assert await users.get("7") is None
        outcome = await users.apply("7", EARN)
    assert isinstance(outcome, Rejected)
    assert outcome.status == 404


async def test_a_user_is_as_the_last_command_left_them(opened: Open) -> None:
    async with opened() as users:
        await users.apply("7", REGISTER)
        outcome = await users.apply("7", EARN)
        assert isinstance(outcome, Applied)
        assert outcome.user.balance == 5
        assert not outcome.replayed
        assert await users.get("7") == outcome.user


async def test_a_no_changes_nothing(opened: Open) -> None:
    async with opened() as users:
        await users.apply("7", REGISTER)
        before = await users.get("7")
        assert isinstance(await users.apply("7", SPEND), Rejected)
        assert await users.get("7") == before


async def test_a_key_takes_effect_once_and_is_answered_alike(opened: Open) -> None:
    once = Once("key", "print")
    async with opened() as users:
        await users.apply("7", REGISTER)
        first = await users.apply("7", EARN, once=once)
        again = await users.apply("7", EARN, once=once)
    assert isinstance(first, Applied)
    assert isinstance(again, Applied)
    assert again == Applied(first.user, replayed=True)


async def test_a_no_under_a_key_stays_a_no(opened: Open) -> None:
    once = Once("key", "print")
    async with opened() as users:
        await users.apply("7", REGISTER)
        first = await users.apply("7", SPEND, once=once)
        await users.apply("7", MoveBesitos(amount=100, reason="test"))
        again = await users.apply("7", SPEND, once=once)
    assert isinstance(first, Rejected)
    assert again == replace(first, replayed=True)


async def test_a_key_under_which_something_else_was_asked_is_refused(opened: Open) -> None:
    async with opened() as users:
        await users.apply("7", REGISTER)
        await users.apply("7", EARN, once=Once("key", "print"))
        outcome = await users.apply("7", SPEND, once=Once("key", "another"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "key_reused"


async def test_a_command_is_applied_only_if_its_precondition_holds_in_the_turn(
    opened: Open,
) -> None:
    async with opened() as users:
        await users.apply("7", REGISTER)
        both: list[Applied | Rejected] = []

        async def earn_on_an_empty_purse() -> None:
            both.append(await users.apply("7", EARN, only_if=lambda user: user.balance == 0))

        async with anyio.create_task_group() as group:
            group.start_soon(earn_on_an_empty_purse)
            group.start_soon(earn_on_an_empty_purse)
        user = await users.get("7")
    assert user is not None
    assert user.balance == 5
    assert CHANGED in both


async def test_a_failed_precondition_is_not_stored_and_a_stored_answer_needs_none(
    opened: Open,
) -> None:
    once = Once("key", "print")
    async with opened() as users:
        await users.apply("7", REGISTER)
        refused = await users.apply("7", EARN, once=once, only_if=lambda _: False)
        done = await users.apply("7", EARN, once=once, only_if=lambda _: True)
        again = await users.apply("7", EARN, once=once, only_if=lambda _: False)
    assert refused == CHANGED
    assert isinstance(done, Applied)
    assert again == replace(done, replayed=True)


async def test_of_an_unknown_user_no_precondition_is_asked(opened: Open) -> None:
    async with opened() as users:
        outcome = await users.apply("7", EARN, only_if=lambda _: False)
    assert isinstance(outcome, Rejected)
    assert outcome.status == 404


async def test_who_was_deleted_is_unknown_until_they_register_again(opened: Open) -> None:
    once = Once("key", "print")
    async with opened() as users:
        await users.apply("7", REGISTER)
        await users.apply("7", EARN)
        assert await users.apply("7", DeleteUser(), once=once) == Applied(None)
        assert await users.get("7") is None
        assert isinstance(await users.apply("7", EARN), Rejected)
        back = await users.apply("7", REGISTER)
        assert isinstance(back, Applied)
        assert back.user.balance == 0
        again = await users.apply("7", DeleteUser(), once=once)
        assert again == Applied(None, replayed=True)
        assert await users.get("7") == back.user


async def test_an_answer_that_does_not_come_in_time_is_a_passed_deadline(opened: Open) -> None:
    async with opened(slow=True) as users:
        with pytest.raises(DeadlinePassed):
            await users.get("7", timeout=0.05)
