"""SqliteInbox: durable before it is acknowledged, in order, each update once."""

from pathlib import Path

import pytest

from tests.stores.running import Clock, running
from tests.stores.turns import arrival, commit_of, ids, registration
from yabot.errors import StoreUnavailable
from yabot.stores.connections import open_writing
from yabot.stores.database import DatabaseManager
from yabot.stores.opening import note_start, note_stop
from yabot.users.ports import Mail, Stored

pytestmark = pytest.mark.anyio


async def finish(db: DatabaseManager, clock: Clock, mail: Mail) -> None:
    """Mark an update as its turn would."""
    commit = commit_of(Stored(None, 0), mail.user_id, clock(), key=mail.key, mail_seq=mail.seq)
    await db.users.commit(commit)


async def test_an_update_is_known_after_a_restart(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await db.inbox.accept([arrival(5), arrival(6, "2")])
    async with running(path, clock) as db:
        assert await db.inbox.accept([arrival(5)]) == []
        assert db.inbox.backlog() == 2
        (new,) = await db.inbox.accept([arrival(7)])
        assert [mail.seq for mail in await db.inbox.leftovers(0, 10)] == [1, 2, new.seq]


async def test_an_empty_inbox_has_no_leftovers(db: DatabaseManager) -> None:
    assert await db.inbox.leftovers(0, 10) == []
    assert await db.inbox.accept([]) == []


async def test_nothing_is_taken_that_is_not_durable(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await db.writer.drain()
        with pytest.raises(StoreUnavailable):
            await db.inbox.accept([arrival(5)])
        assert db.inbox.backlog() == 0
    async with running(path, clock) as db:
        assert ids(await db.inbox.accept([arrival(5)])) == [5]


async def test_after_an_unclean_stop_what_waits_has_one_more_attempt(
    path: Path, clock: Clock
) -> None:
    async with running(path, clock) as db:
        await db.inbox.accept([arrival(5)])
    for attempts in (0, 1, 2, 2):
        async with running(path, clock) as db:
            (mail,) = await db.inbox.leftovers(0, 10)
            assert mail.attempts == attempts
        connection = await open_writing(path)
        await note_start(connection)
        await connection.close()


async def test_after_a_clean_stop_nothing_is_blamed(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await db.inbox.accept([arrival(5)])
    connection = await open_writing(path)
    await note_start(connection)
    await note_stop(connection)
    await connection.close()
    async with running(path, clock) as db:
        (mail,) = await db.inbox.leftovers(0, 10)
        assert mail.attempts == 0
        assert db.start.clean


async def test_a_suspect_is_stamped_before_it_runs(db: DatabaseManager, clock: Clock) -> None:
    (mail,) = await db.inbox.accept([arrival(5)])
    await db.inbox.stamp(mail.seq)
    await db.inbox.stamp(mail.seq)
    assert (await db.inbox.leftovers(0, 10))[0].attempts == 2
    await finish(db, clock, mail)
    await db.inbox.stamp(mail.seq)
    assert await db.inbox.leftovers(0, 10) == []


async def test_a_user_can_be_registered_by_their_first_update(
    db: DatabaseManager, clock: Clock
) -> None:
    (mail,) = await db.inbox.accept([arrival(5)])
    commit = commit_of(
        Stored(None, 0), "1", clock(), registration("1"), key=mail.key, mail_seq=mail.seq
    )
    assert await db.users.commit(commit) == 1
    assert db.inbox.backlog() == 0
