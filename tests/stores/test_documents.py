"""SqliteDocumentOutbox: what is ahead of the copy, after commits, restarts, refusals, floods."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from tests.stores.running import Clock, query, running
from tests.stores.turns import commit_of, earn, registration, take_turn
from yabot.domain.commands import DeleteUser
from yabot.stores import documents as module
from yabot.stores.ahead import Ahead
from yabot.stores.database import DatabaseManager
from yabot.stores.documents import QueuedDocument, SqliteDocumentOutbox
from yabot.stores.mongo.ports import Refused
from yabot.users.ports import Stored

pytestmark = pytest.mark.anyio

APPLIED = "SELECT version, applied_version, parked_version FROM user_documents WHERE user_id = ?"


@asynccontextmanager
async def listening(path: Path, clock: Clock) -> AsyncIterator[DatabaseManager]:
    """A database whose commits fill its documents outbox."""
    async with running(path, clock) as db:
        await db.documents.open()
        yield db


@pytest.fixture
async def db(path: Path, clock: Clock) -> AsyncIterator[DatabaseManager]:
    async with listening(path, clock) as database:
        yield database


async def registered(db: DatabaseManager, clock: Clock, *users: str) -> None:
    for user in users:
        await take_turn(db.users, user, clock(), registration(user))


async def turn(db: DatabaseManager, clock: Clock, user: str) -> Stored:
    return await take_turn(db.users, user, clock(), earn(1))


def versions(rows: list[QueuedDocument]) -> dict[str, int]:
    return {row.document.user_id: row.document.version for row in rows}


async def all_of(outbox: SqliteDocumentOutbox, after: int = 0) -> list[QueuedDocument]:
    return list(await outbox.read(after, 500))


async def test_a_commit_puts_the_newest_document_of_its_user_ahead(
    db: DatabaseManager, clock: Clock
) -> None:
    await registered(db, clock, "1", "2")
    clock.advance(seconds=5)
    await turn(db, clock, "1")
    rows = await all_of(db.documents)
    assert versions(rows) == {"1": 2, "2": 1}
    (first, _) = rows
    assert (first.document.epoch, first.document.at) == (1, clock.now)
    assert first.document.body is not None
    assert orjson.loads(first.document.body)["user_id"] == "1"


async def test_what_is_settled_is_marked_durably_and_no_longer_ahead(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await registered(db, clock, "1")
    await db.documents.settle(await all_of(db.documents), [], marked=True)
    assert db.documents.waiting() == 0
    assert query(path, APPLIED, "1") == [(1, 1, 0)]
    assert query(path, "SELECT delivery FROM document_relay") == [(1,)]


async def test_a_mark_that_comes_late_never_lowers_what_is_applied(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await registered(db, clock, "1")
    old = await all_of(db.documents)
    await turn(db, clock, "1")
    await db.documents.settle(await all_of(db.documents), [], marked=True)
    await db.documents.settle(old, [], marked=True)
    assert query(path, APPLIED, "1") == [(2, 2, 0)]


async def test_a_user_who_moved_on_meanwhile_stays_ahead(db: DatabaseManager, clock: Clock) -> None:
    await registered(db, clock, "1")
    rows = await all_of(db.documents)
    await turn(db, clock, "1")
    await db.documents.settle(rows, [], marked=True)
    assert versions(await all_of(db.documents, rows[-1].seq)) == {"1": 2}


async def test_what_a_former_process_left_ahead_is_found_by_looking_through_the_table(
    path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 3)
    async with listening(path, clock) as db:
        await registered(db, clock, *map(str, range(1, 11)))
        rows = await all_of(db.documents)
        await db.documents.settle(rows[:4], [], marked=True)
    async with listening(path, clock) as db:
        assert versions(await all_of(db.documents)) == {str(n): 1 for n in range(5, 11)}


async def test_more_users_than_memory_holds_are_all_brought_in_the_end(
    db: DatabaseManager, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 2)
    outbox = db.documents
    outbox._ahead = Ahead(most=4)
    await registered(db, clock, *map(str, range(1, 21)))
    brought: dict[str, int] = {}
    after = 0
    while rows := list(await outbox.read(after, 3)):
        assert outbox.waiting() <= 5
        brought |= versions(rows)
        await outbox.settle(rows, [], marked=True)
        after = rows[-1].seq
    assert brought == {str(n): 1 for n in range(1, 21)}


async def test_a_deleted_user_is_ahead_as_a_tombstone(db: DatabaseManager, clock: Clock) -> None:
    await registered(db, clock, "1")
    clock.advance(seconds=9)
    stored = await db.users.load("1")
    await db.users.commit(commit_of(stored, "1", clock(), DeleteUser()))
    (row,) = await all_of(db.documents)
    assert (row.document.version, row.document.body, row.document.at) == (2, None, clock.now)


async def test_a_refused_document_is_parked_with_one_dead_letter_until_a_newer_one_comes(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    outbox = db.documents
    await registered(db, clock, "1", "2")
    await outbox.settle(await all_of(outbox), [Refused("1", 1, "too large")], marked=True)
    assert query(path, APPLIED, "1") == [(1, 0, 1)]
    assert query(path, APPLIED, "2") == [(1, 1, 0)]

    await turn(db, clock, "1")
    (again,) = await all_of(outbox)
    await outbox.settle([again], [Refused("1", 2, "still too large")], marked=True)
    (letter,) = await db.dead_letters.page()
    assert (letter.letter.kind, letter.letter.user_id) == ("document", "1")
    assert letter.letter.error == "still too large"

    await turn(db, clock, "1")
    await outbox.settle(await all_of(outbox), [], marked=True)
    assert query(path, APPLIED, "1") == [(3, 3, 2)]
    assert await db.dead_letters.count() == 0


async def test_a_parked_document_is_not_tried_again_after_a_restart(
    path: Path, clock: Clock
) -> None:
    async with listening(path, clock) as db:
        await registered(db, clock, "1")
        rows = await all_of(db.documents)
        await db.documents.settle(rows, [Refused("1", 1, "too large")], marked=True)
    async with listening(path, clock) as db:
        assert await all_of(db.documents) == []


async def test_a_replayed_dead_letter_is_tried_again(db: DatabaseManager, clock: Clock) -> None:
    outbox = db.documents
    await registered(db, clock, "1")
    await outbox.settle(await all_of(outbox), [Refused("1", 1, "too large")], marked=True)
    (letter,) = await db.dead_letters.page()
    await outbox.replay(letter)
    assert await db.dead_letters.count() == 0
    assert versions(await all_of(outbox)) == {"1": 1}


async def test_nobody_deleted_comes_back_by_a_dead_letter(
    db: DatabaseManager, clock: Clock
) -> None:
    await registered(db, clock, "1")
    rows = await all_of(db.documents)
    stored = await db.users.load("1")
    await db.users.commit(commit_of(stored, "1", clock(), DeleteUser()))
    await db.documents.settle(rows, [Refused("1", 1, "too large")], marked=True)
    assert await db.dead_letters.count() == 0


async def test_a_resync_brings_everybody_and_then_ends(db: DatabaseManager, clock: Clock) -> None:
    outbox = db.documents
    await registered(db, clock, "1", "2", "3")
    await outbox.settle(await all_of(outbox), [], marked=True)
    assert outbox.deliveries.mark.delivery == 1

    await outbox.resync()
    assert outbox.deliveries.mark.delivery == -1
    assert not outbox.is_resynced()
    rows = list(await outbox.read(0, 2))
    await outbox.settle(rows, [], marked=True)
    assert outbox.deliveries.mark.delivery == -2
    assert not outbox.is_resynced()
    await outbox.settle(list(await outbox.read(rows[-1].seq, 2)), [], marked=True)
    assert outbox.is_resynced()
    await outbox.deliveries.end_resync()
    assert outbox.deliveries.mark.delivery == 2


async def test_a_resync_of_nobody_has_ended_at_once(db: DatabaseManager) -> None:
    await db.documents.resync()
    assert await all_of(db.documents) == []
    assert db.documents.is_resynced()


async def test_a_raised_epoch_is_durable_and_everything_counts_in_it(
    path: Path, clock: Clock
) -> None:
    async with listening(path, clock) as db:
        await registered(db, clock, "1")
        deliveries = db.documents.deliveries
        other = deliveries.mark.__class__("another", 7, 3)
        await deliveries.overtake(other)
        (row,) = await all_of(db.documents)
        assert row.document.epoch == 8
        await turn(db, clock, "1")
        assert query(path, "SELECT epoch FROM user_documents") == [(8,)]
        await db.events.publish("noted", b"{}")
        assert (await db.events.history(0, 10))[-1].epoch == 8
    async with listening(path, clock) as db:
        assert db.start.epoch == 8
        assert db.documents.deliveries.inherits is True


async def test_a_database_that_nobody_listens_to_keeps_no_line(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await registered(db, clock, "1", "2", "3")
        assert len(db.documents._ahead) == 0
