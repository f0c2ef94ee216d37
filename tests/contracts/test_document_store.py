"""What every DocumentStore promises: what is there gives way only to what is newer."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import anyio
import pytest
from pydantic import JsonValue

from tests.contracts.documents import (
    NOW,
    Copies,
    Mortal,
    document,
    in_memory,
    mortal_in_memory,
    mortal_on_server,
    on_server,
    story,
    tombstone,
    version,
)
from tests.servers.secantus import Secantus
from tests.stores.running import Clock
from tests.waiting import until
from yabot.domain.user import Conversation, UserDocument
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.address import Driver
from yabot.stores.mongo.ports import DocumentStore, DocumentVersion, Mark

pytestmark = pytest.mark.anyio

KINDS = ["memory", *get_args(Driver)]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest) -> tuple[Driver, str] | None:
    """A driver and the server that it shall reach; None for the one in memory."""
    if request.param == "memory":
        return None
    return request.param, request.getfixturevalue("mongo_uri")


@pytest.fixture
async def copies(place: tuple[Driver, str] | None, clock: Clock) -> AsyncIterator[Copies]:
    if place is None:
        yield in_memory()
        return
    driver, uri = place
    async with on_server(uri, driver, clock) as real:
        yield real


@pytest.fixture
def documents(copies: Copies) -> DocumentStore:
    return copies.documents


@pytest.fixture(params=KINDS)
def own_place(request: pytest.FixtureRequest) -> tuple[Driver, Secantus] | None:
    """A driver and a server of the test's own; None for the one in memory."""
    if request.param == "memory":
        return None
    return request.param, request.getfixturevalue("mongo_server")


@pytest.fixture
async def mortal(own_place: tuple[Driver, Secantus] | None, clock: Clock) -> AsyncIterator[Mortal]:
    if own_place is None:
        yield mortal_in_memory()
        return
    driver, server = own_place
    async with mortal_on_server(server, driver, clock) as real:
        yield real


async def menu(documents: DocumentStore, user_id: str = "1") -> str | None:
    """What is there of a user; None for a tombstone."""
    found = await documents.get(user_id)
    assert found is not None
    if found.body is None:
        return None
    read = UserDocument.model_validate_json(found.body)
    assert read.current_state.menu_context == f"e{found.epoch}.v{found.version}"
    return read.current_state.menu_context


async def test_a_document_comes_back_as_it_was(documents: DocumentStore) -> None:
    whole = document("1", text="¡Hola! 😘", deep={"list": [1, 2.5, None, True]})
    put = DocumentVersion("1", 3, 7, whole.model_dump_json().encode(), NOW)
    assert await documents.put([put]) == []
    found = await documents.get("1")
    assert found is not None
    assert found.body is not None
    assert UserDocument.model_validate_json(found.body) == whole
    assert replace(found, body=None) == replace(put, body=None)


@pytest.mark.parametrize(
    "data",
    [
        {"a.b": 1, "$set": 2, ".": 3, "$": 4, "": 5},
        {"$ref": "users", "$id": 1},
        {"deep": {"$gt": {"x.y": [{"$or": []}]}}},
        {"nul\0key": "nul\0value"},
        {"large": 2**70, "small": -(2**63), "float": 1e300, "whole": 1.0},
    ],
    ids=["dots and dollars", "a reference", "deep", "nul", "numbers"],
)
async def test_what_a_handler_keeps_survives_whatever_its_keys_and_numbers(
    documents: DocumentStore, data: dict[str, JsonValue]
) -> None:
    whole = document("1").model_copy(
        update={"conversations": {"a.b$c": Conversation(state=None, data=data)}}
    )
    body = whole.model_dump_json().encode()
    assert await documents.put([DocumentVersion("1", 1, 1, body, NOW)]) == []
    found = await documents.get("1")
    assert found is not None
    assert found.body is not None
    assert UserDocument.model_validate_json(found.body) == whole


async def test_an_unknown_user_is_none(documents: DocumentStore) -> None:
    await documents.put([version(1, "2")])
    assert await documents.get("1") is None


async def test_a_newer_version_takes_the_place_of_an_older_one(documents: DocumentStore) -> None:
    await documents.put([version(1)])
    await documents.put([version(2)])
    assert await menu(documents) == "e1.v2"


async def test_an_older_version_changes_nothing(documents: DocumentStore) -> None:
    await documents.put([version(2)])
    assert await documents.put([version(1)]) == []
    assert await menu(documents) == "e1.v2"


async def test_the_same_version_again_changes_nothing(documents: DocumentStore) -> None:
    await documents.put([version(1)])
    other = replace(version(1), at=NOW + timedelta(days=1))
    assert await documents.put([other]) == []
    found = await documents.get("1")
    assert found is not None
    assert found.at == version(1).at


async def test_the_newest_of_a_batch_stays_whatever_its_order(documents: DocumentStore) -> None:
    await documents.put([version(2), version(3), version(1)])
    assert await menu(documents) == "e1.v3"


async def test_a_newer_epoch_wins_with_a_smaller_version(documents: DocumentStore) -> None:
    await documents.put([version(9, epoch=1)])
    await documents.put([version(2, epoch=2)])
    assert await documents.put([version(10, epoch=1)]) == []
    assert await menu(documents) == "e2.v2"


async def test_a_tombstone_outlives_a_late_version(documents: DocumentStore) -> None:
    await documents.put([version(1)])
    await documents.put([tombstone(3)])
    assert await documents.put([version(2)]) == []
    assert await documents.get("1") == tombstone(3)


async def test_a_user_who_comes_again_takes_the_place_of_the_tombstone(
    documents: DocumentStore,
) -> None:
    await documents.put([tombstone(3)])
    await documents.put([version(4)])
    assert await menu(documents) == "e1.v4"


@pytest.mark.parametrize("seed", range(3))
async def test_batches_in_any_order_and_repeated_end_at_the_newest(
    documents: DocumentStore, seed: int
) -> None:
    rng = random.Random(seed)
    users = ("1", "2", "3")
    history = [version(n, user, epoch=e) for user in users for e in (1, 2) for n in range(1, 6)]
    history += [tombstone(6, "3", epoch=2)]
    sent = history + rng.sample(history, 15)
    rng.shuffle(sent)
    for start in range(0, len(sent), 4):
        assert await documents.put(sent[start : start + 4]) == []
    assert [await menu(documents, user) for user in users] == ["e2.v5", "e2.v5", None]


async def test_writers_at_once_end_at_the_newest(documents: DocumentStore) -> None:
    async with anyio.create_task_group() as group:
        for number in range(1, 13):
            group.start_soon(documents.put, [version(number, user) for user in ("1", "2", "3")])
    assert [await menu(documents, user) for user in ("1", "2", "3")] == ["e1.v12"] * 3


async def test_a_document_that_is_refused_stops_no_other(documents: DocumentStore) -> None:
    huge = document("4", text="x" * (17 * 1024 * 1024)).model_dump_json().encode()
    refused = await documents.put(
        [
            version(1, "1"),
            DocumentVersion("2", 1, 5, b'{"user_id": "2"}', NOW),
            DocumentVersion("3", 1, 6, document("1").model_dump_json().encode(), NOW),
            DocumentVersion("4", 1, 7, huge, NOW),
            DocumentVersion("5", 1, 8, b"not JSON", NOW),
            version(2, "6"),
        ]
    )
    told = sorted((one.user_id, one.version) for one in refused)
    assert told == [("2", 5), ("3", 6), ("4", 7), ("5", 8)]
    assert all(one.error for one in refused)
    assert [user for user, _, _ in await documents.scan(None, 10)] == ["1", "6"]


async def test_nothing_to_put_is_nothing(documents: DocumentStore) -> None:
    assert await documents.put([]) == []


async def test_a_scan_goes_through_everybody_page_by_page(documents: DocumentStore) -> None:
    await documents.put([version(n, str(n), epoch=2) for n in range(1, 6)] + [tombstone(3, "7")])
    first = await documents.scan(None, 4)
    assert list(first) == [("1", 2, 1), ("2", 2, 2), ("3", 2, 3), ("4", 2, 4)]
    assert list(await documents.scan("4", 4)) == [("5", 2, 5), ("7", 1, 3)]
    assert list(await documents.scan("7", 4)) == []


async def test_a_fresh_server_has_no_mark_and_then_the_last_one(documents: DocumentStore) -> None:
    assert await documents.mark() is None
    for mark in (Mark("a", 1, 1), Mark("a", 2, 2), Mark("b", 1, -1)):
        await documents.put_mark(mark)
        assert await documents.mark() == mark


async def test_content_is_replaced_as_a_whole(copies: Copies) -> None:
    old = story(("es", "start", "Hola"), ("es", "forest", "Bosque"), ("en", "start", "Hello"))
    await copies.documents.put_content(old, {"a": {"name": "A"}, "b": {"name": "B"}})
    new = story(("es", "start", "Buenas"), ("en", "start", "Hello"), ("en", "end", "End"))
    await copies.documents.put_content(new, {"b": {"name": "B2"}, "c": {"name": "C"}})
    titles = {("es", "start"): "Buenas", ("en", "start"): "Hello", ("en", "end"): "End"}
    assert await copies.content() == (titles, {"b": "B2", "c": "C"})
    await copies.documents.put_content(story(("es", "start", "Buenas")), {})
    assert await copies.content() == ({("es", "start"): "Buenas"}, {})


async def test_a_server_that_is_away_is_told_in_time_and_found_again(mortal: Mortal) -> None:
    documents = mortal.documents
    await documents.put([version(1)])
    asks: list[Callable[[], Awaitable[object]]] = [
        lambda: documents.get("1"),
        lambda: documents.put([version(2)]),
        documents.mark,
        lambda: documents.put_mark(Mark("a", 1, 1)),
        lambda: documents.put_content(story(("es", "start", "Hola")), {}),
        lambda: documents.scan(None, 1),
    ]

    async def refused(ask: Callable[[], Awaitable[object]]) -> None:
        with pytest.raises(StoreUnavailable) as told:
            await ask()
        assert told.value.retry_after

    async with mortal.away():
        with anyio.fail_after(2.5):
            async with anyio.create_task_group() as group:
                for ask in asks:
                    group.start_soon(refused, ask)

    async def back() -> bool:
        try:
            return await documents.put([version(3)]) == []
        except StoreUnavailable:
            return False

    await until(back)
    assert await menu(documents) == "e1.v3"
