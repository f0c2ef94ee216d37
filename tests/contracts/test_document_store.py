"""What every DocumentStore promises as a copy: it takes versions as they come, with gaps, from any
epoch and from many writers, and says what it refuses. What it keeps: `test_documents.py`."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import get_args

import anyio
import pytest

from tests.contracts.documents import (
    NOW,
    Copies,
    Mortal,
    document,
    in_memory,
    menu,
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


async def test_a_newer_epoch_wins_with_a_smaller_version(documents: DocumentStore) -> None:
    await documents.put([version(9, epoch=1)])
    await documents.put([version(2, epoch=2)])
    assert await documents.put([version(10, epoch=1)]) == []
    assert await menu(documents) == "e2.v2"
    assert list(await documents.scan(None, 10)) == [("1", 2, 2)]


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
