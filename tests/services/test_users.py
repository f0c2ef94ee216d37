"""UserService over a database: document, profile and event change in one commit, or not at all."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest
from pydantic import ValidationError

from actors import ActorCrashed, ActorSystem
from tests.services.living import no_update
from tests.stores.running import Clock, query, running
from yabot.domain.commands import PatchState, RegisterUser, UpdateProfile
from yabot.domain.decision import Applied, Rejected
from yabot.domain.user import UserDocument
from yabot.errors import CommitRefused
from yabot.services.users import UserService
from yabot.telegram.notices import render
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory

pytestmark = pytest.mark.anyio

ANA = RegisterUser(telegram_user_id=7, first_name="Ana", username="ana", language_code="en")
RENAMED = UpdateProfile(first_name="Ana María", is_active=False)
MOVED = PatchState(menu_context="shop", current_fragment="forest")

Change = Callable[[UserService], Awaitable[Applied | Rejected]]


class Kept(NamedTuple):
    """What the file holds of everybody, as another service reads it.

    Documents as (user, version, JSON or None), profiles as (user, first name, active), events as
    (user, number, name).
    """

    documents: list[tuple[Any, ...]]
    profiles: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]


NOTHING = Kept([], [], [])


def kept(path: Path) -> Kept:
    return Kept(
        query(path, "SELECT user_id, version, document FROM user_documents"),
        query(path, "SELECT user_id, first_name, is_active FROM user_profiles"),
        query(path, "SELECT user_id, sequence, name FROM outbox_events ORDER BY seq"),
    )


@contextmanager
def refusing(path: Path, write: str) -> Iterator[None]:
    """A file whose schema refuses such a write, given as 'INSERT ON table'."""

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(sql)

    execute(f"CREATE TRIGGER no BEFORE {write} BEGIN SELECT RAISE(ABORT, 'not here'); END")
    yield
    execute("DROP TRIGGER no")


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[UserService]:
    """The service over the users of a database, from its opening to its end."""
    clock = Clock()
    async with running(path, clock) as db, ActorSystem() as system:
        directory = UserDirectory(system, UserParts(db.users, no_update, render, clock), db.inbox)
        yield UserService(directory, db.exports)
        await directory.stop(timeout=2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "yabot.db"


@pytest.fixture
async def service(path: Path) -> AsyncIterator[UserService]:
    async with serving(path) as service:
        yield service


def create(service: UserService) -> Awaitable[Applied | Rejected]:
    return service.create_user(ANA)


def move(service: UserService) -> Awaitable[Applied | Rejected]:
    return service.update_user_state("7", MOVED)


def rename(service: UserService) -> Awaitable[Applied | Rejected]:
    return service.update_user_profile("7", RENAMED)


def delete(service: UserService) -> Awaitable[Applied | Rejected]:
    return service.delete_user("7")


async def test_a_new_user_is_in_both_tables_with_their_event(
    service: UserService, path: Path
) -> None:
    created = await create(service)
    assert isinstance(created, Applied)
    ((user_id, version, body),) = kept(path).documents
    assert (user_id, version) == ("7", 1)
    assert UserDocument.model_validate_json(body) == created.user.document
    assert created.user.document.preferences.language == "en"
    assert kept(path).profiles == [("7", "Ana", 1)]
    assert kept(path).events == [("7", 1, "user_registered")]


async def test_a_known_user_who_is_created_again_has_their_profile_refreshed(
    service: UserService, path: Path
) -> None:
    for change in (create, move, rename):
        await change(service)
    again = await service.create_user(ANA.model_copy(update={"username": "ana_b"}))
    assert isinstance(again, Applied)
    assert again.user.profile.username == "ana_b"
    assert again.user.document.current_state.menu_context == "shop"
    assert kept(path).profiles == [("7", "Ana", 1)]
    assert kept(path).events == [("7", 1, "user_registered")]


async def test_state_and_profile_are_read_as_one_user_also_by_the_next_life(path: Path) -> None:
    async with serving(path) as service:
        assert await service.get_user_context("7") is None
        for change in (create, move, rename):
            outcome = await change(service)
            assert isinstance(outcome, Applied)
            left = outcome.user
            assert await service.get_user_context("7") == left
    async with serving(path) as service:
        user = await service.get_user_context("7")
    assert user is not None
    assert user == left
    assert user.document.current_state.menu_context == "shop"
    assert user.progress.current_fragment == "forest"
    assert (user.profile.first_name, user.profile.username) == ("Ana María", "ana")
    assert not user.profile.is_active
    ((_, version, body),) = kept(path).documents
    assert version == 3
    assert orjson.loads(body)["current_state"]["menu_context"] == "shop"
    assert kept(path).profiles == [("7", "Ana María", 0)]


async def test_a_deletion_leaves_a_tombstone_and_its_event_and_no_profile(
    service: UserService, path: Path
) -> None:
    await create(service)
    assert await delete(service) == Applied(None)
    assert kept(path) == Kept([("7", 2, None)], [], [("7", 2, "user_deleted")])
    assert await service.get_user_context("7") is None
    assert isinstance(await create(service), Applied)
    assert [row[:2] for row in kept(path).documents] == [("7", 3)]
    assert kept(path).events[1:] == [("7", 3, "user_registered")]


@pytest.mark.parametrize(
    ("before", "change", "write"),
    [
        ([], create, "INSERT ON user_documents"),
        ([], create, "INSERT ON user_profiles"),
        ([], create, "INSERT ON outbox_events"),
        ([create], move, "INSERT ON user_documents"),
        ([create], rename, "INSERT ON user_documents"),
        ([create], rename, "INSERT ON user_profiles"),
        ([create], delete, "INSERT ON user_documents"),
        ([create], delete, "DELETE ON user_profiles"),
        ([create], delete, "INSERT ON outbox_events"),
    ],
)
async def test_where_one_part_is_refused_no_part_is_there(
    service: UserService, path: Path, before: list[Change], change: Change, write: str
) -> None:
    for earlier in before:
        await earlier(service)
    was = kept(path)
    user = await service.get_user_context("7")
    with refusing(path, write):
        with pytest.raises(ActorCrashed, match="not here") as crashed:
            await change(service)
        assert isinstance(crashed.value.__cause__, CommitRefused)
        assert kept(path) == was
        assert await service.get_user_context("7") == user
    assert isinstance(await change(service), Applied)
    assert kept(path) != was


@pytest.mark.parametrize("change", [move, rename, delete])
async def test_of_an_unknown_user_a_change_is_a_404_and_makes_nobody(
    service: UserService, path: Path, change: Change
) -> None:
    refused = await change(service)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.status) == ("user_unknown", 404)
    assert kept(path) == NOTHING


async def test_a_state_with_one_wrong_field_is_refused_as_a_whole(
    service: UserService, path: Path
) -> None:
    await create(service)
    was = kept(path)
    wrong = MOVED.model_copy(update={"menu_context": "nowhere"})
    refused = await service.update_user_state("7", wrong)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.status) == ("menu_unknown", 422)
    assert kept(path) == was


@pytest.mark.parametrize(
    ("command", "field", "wrong"),
    [
        *((RegisterUser, "telegram_user_id", wrong) for wrong in (0, -7, 2**63, "seven", None)),
        *((PatchState, "menu_context", wrong) for wrong in ("", "a b", "x" * 65, 7)),
        (PatchState, "balance", 100),
        (UpdateProfile, "username", "x" * 65),
        (UpdateProfile, "first_name", "x" * 129),
        (UpdateProfile, "is_active", "perhaps"),
    ],
)
def test_what_no_user_can_have_is_refused_by_its_name(
    command: type[RegisterUser | PatchState | UpdateProfile], field: str, wrong: object
) -> None:
    with pytest.raises(ValidationError) as told:
        command.model_validate({field: wrong})
    assert [error["loc"] for error in told.value.errors() if error["input"] == wrong] == [(field,)]
