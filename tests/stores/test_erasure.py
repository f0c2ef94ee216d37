"""A deletion leaves a tombstone, a ledger that names nobody, and nothing else."""

from pathlib import Path

import pytest

from tests.stores.running import Clock, only, query, running
from tests.stores.traces import (
    ID,
    NAME,
    call_to,
    delete,
    leave_traces,
    naming_columns,
    places_of,
    send_all,
    tables_naming,
    update,
)
from tests.stores.turns import commit_of, registration, take_turn
from yabot.domain.commands import DeleteUser
from yabot.domain.events import UserInteraction
from yabot.stores import pruning
from yabot.stores.database import DatabaseManager
from yabot.stores.pruning import Pruning
from yabot.users.ports import Answer, Stored

pytestmark = pytest.mark.anyio

TOMBSTONE = {"user_documents", "event_sequences"}
"""The two counters that go on where they were, should the person come back: version, sequence."""

NAMES = "SELECT name FROM outbox_events WHERE user_id = ? ORDER BY sequence"


@pytest.fixture
def pruner(db: DatabaseManager, monkeypatch: pytest.MonkeyPatch) -> Pruning:
    monkeypatch.setattr(pruning, "PAUSE", 0)
    return Pruning(db.writer, db.reader, event_retention=86_400)


async def take_all(db: DatabaseManager, relay: str) -> None:
    """The relay takes every event there is."""
    await db.events.feed(relay).taken((await db.events.history(0, 10_000))[-1].seq)


async def handle_all(db: DatabaseManager, clock: Clock) -> None:
    """Handle what waits in the inbox; it changes nothing."""
    for mail in await db.inbox.leftovers(0, 100):
        await take_turn(db.users, mail.user_id, clock(), key=mail.key, mail_seq=mail.seq)


async def test_a_person_can_leave_a_trace_in_every_table_that_can_name_one(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    """A new table that names users must be filled by `leave_traces`, and then be erased."""
    await leave_traces(db, clock())
    assert tables_naming(path) == {table for table, _ in naming_columns(path)}


async def test_after_a_deletion_no_table_names_the_person(
    db: DatabaseManager, clock: Clock, path: Path, pruner: Pruning
) -> None:
    stored = await leave_traces(db, clock())
    await take_turn(db.users, "8", clock(), registration("8"))
    await take_all(db, "metrics")
    assert await delete(db, clock()) == Stored(None, stored.version + 1)

    assert tables_naming(path) == TOMBSTONE | {"inbox", "outbox_replies", "outbox_events"}
    assert query(path, NAMES, ID) == [("user_deleted",)]
    await handle_all(db, clock)
    await send_all(db)
    assert tables_naming(path) == TOMBSTONE | {"outbox_events"}

    await take_all(db, "metrics")
    clock.advance(hours=25)
    await db.events.feed("metrics").taken(0)
    await pruner.prune(clock())
    assert tables_naming(path) == TOMBSTONE
    assert places_of(path, ID) == {f"{table}.user_id" for table in TOMBSTONE}
    assert query(path, "SELECT document FROM user_documents WHERE user_id = ?", ID) == [(None,)]
    assert (await db.users.load("8")).version == 1


async def test_after_a_deletion_no_column_holds_the_name(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    """Ledger keys were chosen by other services; the one of this test says whose gift it was."""
    await leave_traces(db, clock())
    assert "user_profiles.first_name" in places_of(path, NAME)
    await take_all(db, "metrics")
    await delete(db, clock())
    await handle_all(db, clock)
    await send_all(db)
    assert places_of(path, NAME) == {"ledger.key"}


async def test_the_purse_is_closed_under_a_pseudonym_and_still_adds_up(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await leave_traces(db, clock())
    await delete(db, clock())
    ((owner, balance),) = query(path, "SELECT user_id, balance FROM wallets")
    assert owner.startswith("erased:")
    assert balance == 10
    assert query(path, "SELECT sum(amount) FROM ledger WHERE user_id = ?", owner) == [(10,)]


async def test_only_the_key_of_the_deletion_is_kept_and_it_names_nobody(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await leave_traces(db, clock())
    await delete(db, clock())
    assert query(path, "SELECT user_id, answer FROM processed_keys") == [("", '{"user":null}')]
    answer = await db.users.answer("api:support:delete_user:1")
    assert answer == Answer("print", b'{"user":null}')
    await take_turn(db.users, ID, clock(), registration(ID))
    await take_turn(db.users, ID, clock(), DeleteUser())
    assert await db.users.answer("api:support:delete_user:1") == answer


async def test_events_are_kept_until_every_relay_has_taken_them_and_then_pruned(
    db: DatabaseManager, clock: Clock, path: Path, pruner: Pruning
) -> None:
    await leave_traces(db, clock())
    told = query(path, NAMES, ID)
    fast, slow = db.events.feed("fast"), db.events.feed("slow")
    await fast.taken(1)
    await slow.taken(0)
    await delete(db, clock())
    assert query(path, NAMES, ID) == [*told, ("user_deleted",)]
    await take_all(db, "fast")
    await pruner.prune(clock())
    assert [event.name for event in await slow.read(0, 100)][-1] == "user_deleted"
    assert query(path, NAMES, ID) == [*told, ("user_deleted",)]
    await take_all(db, "slow")
    await pruner.prune(clock())
    assert query(path, NAMES, ID) == [("user_deleted",)]


async def test_what_is_told_of_who_came_back_is_kept(
    db: DatabaseManager, clock: Clock, path: Path, pruner: Pruning
) -> None:
    await leave_traces(db, clock())
    await db.events.feed("slow").taken(0)
    await delete(db, clock())
    back = await take_turn(db.users, ID, clock(), registration(ID))
    assert back.version == 5
    await take_all(db, "slow")
    await pruner.prune(clock())
    assert query(path, NAMES, ID) == [("user_deleted",), ("user_registered",)]
    sequences = "SELECT sequence FROM outbox_events WHERE user_id = ? ORDER BY sequence"
    first, second = (number for (number,) in query(path, sequences, ID))
    assert second == first + 1


async def test_a_goodbye_that_can_not_be_sent_leaves_nothing(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await leave_traces(db, clock())
    await delete(db, clock())
    for row in await db.replies.read(0, 100):
        await db.replies.refused(row, "bot was blocked by the user", unreachable=True)
    assert await db.dead_letters.count() == 0
    assert await db.commands.next_due() is None
    await take_turn(db.users, ID, clock(), registration(ID), calls=(call_to(db, "hello"),))
    (row,) = await db.replies.read(0, 100)
    await db.replies.refused(row, "bot was blocked by the user", unreachable=True)
    assert await db.dead_letters.count() == 1
    assert await db.commands.next_due() == clock()


async def test_a_mark_names_nobody(db: DatabaseManager, clock: Clock, path: Path) -> None:
    (mail,) = await db.inbox.accept([update(9)])
    unmarked = commit_of(Stored(None, 0), ID, clock(), events=(UserInteraction(action="x"),))
    await db.users.commit(unmarked)
    assert only(query(path, "SELECT user_id FROM inbox")) == ID
    await take_turn(db.users, ID, clock(), key=mail.key, mail_seq=mail.seq)
    assert query(path, "SELECT user_id, body FROM inbox") == [("", None)]
    assert await db.users.answer(mail.key) == Answer("", b"")
    assert await db.inbox.accept([update(9)]) == []


async def test_a_tombstone_outlives_a_restart(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await leave_traces(db, clock())
        gone = await delete(db, clock())
    async with running(path, clock) as db:
        assert await db.users.load(ID) == gone
        back = await take_turn(db.users, ID, clock(), registration(ID))
    assert back.version == gone.version + 1
