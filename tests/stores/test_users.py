"""SqliteUserStore: what a turn's commit leaves, and what the next load finds."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from tests.stores.running import Clock, only, query, running
from tests.stores.turns import arrival, commit_of, earn, registration, take_turn
from yabot.domain.commands import (
    BuySubscription,
    ExpireSubscription,
    OpenMenu,
    SetConversation,
    SetSubscription,
    UpdateProfile,
)
from yabot.domain.decision import DurableCommand, LedgerEntry
from yabot.domain.events import UserInteraction
from yabot.errors import CommitRefused, StaleVersion
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Answer, Call, DeadLetter, Stored

pytestmark = pytest.mark.anyio


async def test_a_user_is_loaded_as_they_were_committed(db: DatabaseManager, clock: Clock) -> None:
    conversation = SetConversation(key="1", state="naming", data={"tries": 2})
    stored = await take_turn(
        db.users, "1", clock(), registration("1"), earn(30), OpenMenu(menu="shop"), conversation
    )
    assert stored.version == 1
    assert await db.users.load("1") == stored
    stored = await take_turn(db.users, "1", clock(), BuySubscription(plan="vip", price=20, days=30))
    assert stored.version == 2
    assert await db.users.load("1") == stored


async def test_an_unchanged_part_is_not_written(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await take_turn(db.users, "1", clock(), registration("1"))
    before = query(path, "SELECT rowid, * FROM subscriptions"), query(path, "SELECT * FROM ledger")
    commit = commit_of(await db.users.load("1"), "1", clock(), OpenMenu(menu="shop"))
    assert commit.after is not None
    renamed = UpdateProfile(username="set.by.another.hand")
    await take_turn(db.users, "1", clock(), renamed)
    await db.users.commit(commit._replace(version=2))
    assert only(query(path, "SELECT username FROM user_profiles")) == "set.by.another.hand"
    assert (
        query(path, "SELECT rowid, * FROM subscriptions"),
        query(path, "SELECT * FROM ledger"),
    ) == before


async def test_a_chat_without_a_user_commits_without_a_document(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    (mail,) = await db.inbox.accept([arrival(5, "chat:-100")])
    call = Call(db.users.next_call_id(), "chat:-100", "sendMessage", b'{"chat_id":-100}')
    for update in (mail,):
        stored = await take_turn(
            db.users,
            "chat:-100",
            clock(),
            key=update.key,
            mail_seq=update.seq,
            calls=(call,),
            events=(UserInteraction(action="post"),),
        )
    assert stored == Stored(None, 0)
    assert await db.users.load("chat:-100") == Stored(None, 0)
    assert query(path, "SELECT user_id FROM user_documents") == []
    assert query(path, "SELECT user_id, sequence FROM outbox_events") == [("chat:-100", 1)]
    assert [row.call for row in await db.replies.read(0, 10)] == [call]


async def test_a_balance_is_the_sum_of_its_ledger(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await take_turn(db.users, "1", clock(), registration("1"), earn(30), earn(12))
    await take_turn(db.users, "1", clock(), earn(-40))
    loaded = await db.users.load("1")
    assert loaded.user is not None
    assert loaded.user.balance == 2
    assert only(query(path, "SELECT sum(amount) FROM ledger WHERE user_id = '1'")) == 2
    assert only(query(path, "SELECT balance FROM wallets WHERE user_id = '1'")) == 2


async def test_the_schema_refuses_a_ledger_that_does_not_add_up(
    db: DatabaseManager, clock: Clock
) -> None:
    stored = await take_turn(db.users, "1", clock(), registration("1"), earn(30))
    wrong = commit_of(stored, "1", clock(), ledger=(LedgerEntry(5, 36, "wrong"),))
    with pytest.raises(CommitRefused):
        await db.users.commit(wrong)
    assert await db.users.load("1") == stored


async def test_movements_come_newest_first_and_in_pages(db: DatabaseManager, clock: Clock) -> None:
    await take_turn(db.users, "1", clock(), registration("1"), earn(1), earn(2), earn(3))
    await take_turn(db.users, "2", clock(), registration("2"), earn(9))
    page = await db.users.movements("1", limit=2)
    assert [(movement.amount, movement.balance) for movement in page] == [(3, 6), (2, 3)]
    rest = await db.users.movements("1", before=page[-1].id, limit=2)
    assert [movement.amount for movement in rest] == [1]
    assert rest[0].created_at == clock()


async def test_a_plan_goes_on_in_its_row_and_another_gets_a_new_one(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    plans = "SELECT plan_type, status FROM subscriptions WHERE user_id = '1' ORDER BY id"
    await take_turn(db.users, "1", clock(), registration("1"), earn(500))
    assert query(path, plans) == [("free", "active")]
    stored = await take_turn(
        db.users, "1", clock(), BuySubscription(plan="premium", price=10, days=30)
    )
    assert query(path, plans) == [("free", "inactive"), ("premium", "active")]
    await take_turn(db.users, "1", clock(), BuySubscription(plan="premium", price=10, days=30))
    assert query(path, plans) == [("free", "inactive"), ("premium", "active")]
    stored = await db.users.load("1")
    assert stored.user is not None
    ends = stored.user.subscription.end_date
    assert ends == clock() + timedelta(days=60)
    clock.advance(days=61)
    stored = await take_turn(db.users, "1", clock(), ExpireSubscription(end_date=ends))
    assert query(path, plans) == [("free", "inactive"), ("premium", "expired")]
    assert await db.users.load("1") == stored
    stored = await take_turn(db.users, "1", clock(), SetSubscription(plan="vip"))
    assert query(path, plans)[-1] == ("vip", "active")
    assert await db.users.load("1") == stored


async def test_events_are_counted_without_a_gap_per_user(db: DatabaseManager, clock: Clock) -> None:
    opened = UserInteraction(action="menu:shop")
    for _ in range(3):
        for user_id in ("1", "2"):
            if (await db.users.load(user_id)).version == 0:
                await take_turn(db.users, user_id, clock(), registration(user_id))
            await take_turn(db.users, user_id, clock(), events=(opened, opened))
    events = await db.events.history(0, 100)
    for user_id in ("1", "2"):
        of_user = [event.sequence for event in events if event.user_id == user_id]
        assert of_user == list(range(1, 8))
    assert len({event.event_id for event in events}) == len(events) == 14


async def test_a_fenced_load_sees_every_commit_that_was_queued_before(
    db: DatabaseManager, clock: Clock
) -> None:
    stored = await take_turn(db.users, "1", clock(), registration("1"))
    commit = commit_of(stored, "1", clock(), earn(3))
    abandoned = asyncio.ensure_future(db.users.commit(commit))
    await asyncio.sleep(0)
    abandoned.cancel()
    loaded = await db.users.load("1", fenced=True)
    assert loaded == Stored(commit.after, 2)


async def test_a_commit_leaves_all_of_it_or_nothing(db: DatabaseManager, clock: Clock) -> None:
    stored = await take_turn(db.users, "1", clock(), registration("1"))
    (mail,) = await db.inbox.accept([arrival(5)])
    due = clock() + timedelta(days=1)
    doomed = commit_of(
        stored,
        "1",
        clock(),
        earn(3),
        key=mail.key,
        mail_seq=mail.seq,
        calls=(Call(db.users.next_call_id(), "chat:1", "sendMessage", b"{}"),),
        commands=(DurableCommand("1", due, earn(1), "gift:1"),),
        dead_letters=(DeadLetter("update", mail.key, "1", "error", b"{}"),),
    )
    with pytest.raises(StaleVersion):
        await db.users.commit(doomed._replace(version=7))
    assert await db.users.load("1") == stored
    assert await db.users.answer(mail.key) is None
    assert await db.replies.read(0, 10) == []
    assert await db.commands.next_due() is None
    assert await db.dead_letters.count() == 0
    assert db.inbox.backlog() == 1
    assert len(await db.events.history(0, 10)) == 1


async def test_ids_of_calls_never_come_twice(path: Path, clock: Clock) -> None:
    seen: list[int] = []
    for _ in range(3):
        async with running(path, clock) as db:
            seen += [db.users.next_call_id() for _ in range(3)]
    assert len(set(seen)) == 9
    assert seen == sorted(seen)
    assert min(seen) > 0


async def test_erasing_a_user_leaves_a_tombstone_and_a_ledger_that_names_nobody(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    due = clock() + timedelta(days=1)
    stored = await take_turn(
        db.users,
        "1",
        clock(),
        registration("1"),
        earn(30),
        key="api:shop:gift:1",
        answer=Answer("", b"{}"),
        commands=(DurableCommand("1", due, earn(1), "gift:1"),),
        dead_letters=(DeadLetter("update", "tg:7:1", "1", "error", b"{}"),),
    )
    erased = commit_of(stored, "1", clock(), key="api:x:y:z")._replace(after=None, events=())
    assert await db.users.commit(erased) == 2
    assert await db.users.load("1") == Stored(None, 2)
    tables: tuple[str, ...] = (
        "user_profiles",
        "subscriptions",
        "wallets",
        "ledger",
        "processed_keys",
    )
    tables += ("outbox_commands", "dead_letters", "outbox_events")
    for table in tables:
        assert query(path, f"SELECT * FROM {table} WHERE user_id = '1'") == [], table
    assert only(query(path, "SELECT sum(amount) FROM ledger")) == 30
    assert only(query(path, "SELECT balance FROM wallets")) == 30


async def test_an_erased_user_can_come_back_as_somebody_new(
    db: DatabaseManager, clock: Clock
) -> None:
    stored = await take_turn(db.users, "1", clock(), registration("1"), earn(30))
    await db.users.commit(commit_of(stored, "1", clock())._replace(after=None))
    stored = await take_turn(db.users, "1", clock(), registration("1"), earn(5))
    assert stored.version == 3
    assert await db.users.load("1") == stored
    assert stored.user is not None
    assert stored.user.balance == 5
