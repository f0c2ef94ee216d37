"""What the bot's own documents and every copy of them promise alike: a document comes back as it
was put, and gives way only to what is newer."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from pydantic import JsonValue

from tests.contracts.documents import (
    NOW,
    Documents,
    document,
    in_memory,
    in_own_file,
    menu,
    on_server,
    tombstone,
    version,
)
from tests.contracts.stores import KEY
from tests.stores.running import Clock
from yabot.domain.user import Conversation, UserDocument
from yabot.stores.connections import connect
from yabot.stores.encryption import choose_connector
from yabot.stores.mongo.address import Driver
from yabot.stores.mongo.ports import DocumentVersion

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", "encrypted", "memory", *get_args(Driver)])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AbstractAsyncContextManager[Documents]:
    match request.param:
        case "sqlite":
            return in_own_file(tmp_path / "yabot.db", clock, connect)
        case "encrypted":
            return in_own_file(tmp_path / "yabot.db", clock, choose_connector(KEY))
        case "memory":
            return nullcontext(in_memory().documents)
        case driver:
            return _copy(request.getfixturevalue("mongo_uri"), driver, clock)


@asynccontextmanager
async def _copy(uri: str, driver: Driver, clock: Clock) -> AsyncIterator[Documents]:
    async with on_server(uri, driver, clock) as copies:
        yield copies.documents


@pytest.fixture
async def documents(place: AbstractAsyncContextManager[Documents]) -> AsyncIterator[Documents]:
    async with place as documents:
        yield documents


def whole(put: DocumentVersion) -> tuple[DocumentVersion, UserDocument | None]:
    """A version with its body read, as stores write JSON in different ways."""
    body = UserDocument.model_validate_json(put.body) if put.body is not None else None
    return replace(put, body=None), body


@pytest.mark.parametrize(
    "data",
    [
        {"text": "¡Hola! 😘", "deep": {"list": [1, 2.5, None, True]}},
        {"a.b": 1, "$set": 2, ".": 3, "$": 4, "": 5},
        {"$ref": "users", "$id": 1},
        {"deep": {"$gt": {"x.y": [{"$or": []}]}}},
        {"nul\0key": "nul\0value"},
        {"large": 2**70, "small": -(2**63), "float": 1e300, "whole": 1.0},
    ],
    ids=["text", "dots and dollars", "a reference", "deep", "nul", "numbers"],
)
async def test_a_document_comes_back_as_it_was_whatever_its_keys_and_numbers(
    documents: Documents, data: dict[str, JsonValue]
) -> None:
    conversations = {"a.b$c": Conversation(state="Game:guess", data=data)}
    kept = document("1").model_copy(update={"conversations": conversations})
    put = DocumentVersion("1", 1, 1, kept.model_dump_json().encode(), NOW)
    assert await documents.put([put]) == []
    found = await documents.get("1")
    assert found is not None
    assert whole(found) == whole(put)


async def test_an_unknown_user_is_none(documents: Documents) -> None:
    await documents.put([version(1, "2")])
    assert await documents.get("1") is None


async def test_a_newer_version_takes_the_place_of_an_older_one(documents: Documents) -> None:
    await documents.put([version(1)])
    await documents.put([version(2)])
    assert await menu(documents) == "e1.v2"


async def test_an_older_version_changes_nothing(documents: Documents) -> None:
    await documents.put([version(1)])
    await documents.put([version(2)])
    assert await documents.put([version(1)]) == []
    assert await menu(documents) == "e1.v2"


async def test_the_same_version_again_changes_nothing(documents: Documents) -> None:
    await documents.put([version(1)])
    other = replace(version(2), version=1, at=NOW + timedelta(days=1))
    assert await documents.put([other]) == []
    found = await documents.get("1")
    assert found is not None
    assert whole(found) == whole(version(1))


async def test_the_newest_of_a_batch_stays_whatever_its_order(documents: Documents) -> None:
    await documents.put([version(2), version(3), version(1)])
    assert await menu(documents) == "e1.v3"


async def test_a_tombstone_outlives_a_late_version(documents: Documents) -> None:
    await documents.put([version(1)])
    await documents.put([version(2), tombstone(3)])
    assert await documents.put([version(2)]) == []
    assert await documents.get("1") == tombstone(3)


async def test_a_user_who_comes_again_takes_the_place_of_the_tombstone(
    documents: Documents,
) -> None:
    await documents.put([version(1), tombstone(2)])
    await documents.put([version(3)])
    assert await menu(documents) == "e1.v3"


async def test_nothing_to_put_is_nothing(documents: Documents) -> None:
    assert await documents.put([]) == []
    assert list(await documents.scan(None, 10)) == []


async def test_a_scan_goes_through_everybody_page_by_page(documents: Documents) -> None:
    await documents.put([version(1, str(n)) for n in range(1, 6)])
    await documents.put([version(2, "2"), version(1, "7"), tombstone(2, "7")])
    first = await documents.scan(None, 4)
    assert list(first) == [("1", 1, 1), ("2", 1, 2), ("3", 1, 1), ("4", 1, 1)]
    assert list(await documents.scan("4", 4)) == [("5", 1, 1), ("7", 1, 2)]
    assert list(await documents.scan("7", 4)) == []
