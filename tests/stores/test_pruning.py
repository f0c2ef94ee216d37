"""Pruning: what has served its time goes, what waits stays."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from actors import ActorSystem
from tests.stores.running import Clock, only, query
from tests.stores.turns import arrival, commit_of, registration, take_turn
from tests.waiting import until
from yabot.domain.events import UserInteraction
from yabot.domain.values import Instant
from yabot.errors import StoreUnavailable
from yabot.stores import pruning
from yabot.stores.database import DatabaseManager
from yabot.stores.pruning import Pruning
from yabot.stores.writer import Writer
from yabot.users.ports import Answer, Call, DeadLetter, Stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def pruner(db: DatabaseManager, monkeypatch: pytest.MonkeyPatch) -> Pruning:
    """Pruning in slices that are small enough to be many."""
    monkeypatch.setattr(pruning, "SLICE", 4)
    monkeypatch.setattr(pruning, "PAUSE", 0)
    return Pruning(db.writer, db.reader, event_retention=86_400)


async def live_a_day(db: DatabaseManager, clock: Clock, first: int) -> None:
    """Ten updates, nine of them handled, each leaving a key, an event and a sent message."""
    mails = await db.inbox.accept([arrival(first + n, f"chat:{n}") for n in range(10)])
    for mail in mails[1:]:
        call = Call(db.users.next_call_id(), "chat:1", "sendMessage", b"{}")
        commit = commit_of(
            Stored(None, 0),
            mail.user_id,
            clock(),
            key=mail.key,
            mail_seq=mail.seq,
            answer=Answer("", b"{}"),
            calls=(call,),
            events=(UserInteraction(action="post"),),
        )
        await db.users.commit(commit)
    for row in await db.replies.read(0, 100):
        await db.replies.sent(row, 1_000 + row.seq)


async def test_marks_keys_and_messages_go_after_48_hours(
    db: DatabaseManager, clock: Clock, pruner: Pruning, path: Path
) -> None:
    await live_a_day(db, clock, 0)
    clock.advance(hours=47)
    await live_a_day(db, clock, 100)
    await pruner.prune(clock())
    assert only(query(path, "SELECT count(*) FROM inbox")) == 20
    clock.advance(hours=2)
    slices = await pruner.prune(clock())
    assert slices["inbox"] > 2
    assert query(path, "SELECT count(*), count(body) FROM inbox") == [(11, 2)]
    assert only(query(path, "SELECT count(*) FROM processed_keys")) == 9
    assert only(query(path, "SELECT count(*) FROM sent_messages")) == 9
    assert db.inbox.backlog() == 2
    assert len(await db.inbox.leftovers(0, 100)) == 2


async def test_events_go_after_their_retention_once_every_relay_has_them(
    db: DatabaseManager, clock: Clock, pruner: Pruning
) -> None:
    await live_a_day(db, clock, 0)
    clock.advance(hours=23)
    fast, slow = db.events.feed("fast"), db.events.feed("slow")
    await fast.taken(9)
    await slow.taken(3)
    clock.advance(hours=2)
    await pruner.prune(clock())
    assert [event.seq for event in await db.events.history(0, 100)] == list(range(4, 10))
    assert len(await slow.read(0, 100)) == 6
    await slow.taken(9)
    await pruner.prune(clock())
    assert await db.events.history(0, 100) == []


async def test_a_relay_that_is_gone_for_good_holds_nothing_back(
    db: DatabaseManager, clock: Clock, pruner: Pruning
) -> None:
    await live_a_day(db, clock, 0)
    await db.events.feed("removed").taken(3)
    clock.advance(hours=25)
    await db.events.feed("living").taken(9)
    await pruner.prune(clock())
    assert await db.events.history(0, 100) == []


async def test_events_without_any_relay_go_after_their_retention(
    db: DatabaseManager, clock: Clock, pruner: Pruning
) -> None:
    await live_a_day(db, clock, 0)
    clock.advance(hours=25)
    await pruner.prune(clock())
    assert await db.events.history(0, 100) == []


async def test_sequences_go_on_after_their_events_are_gone(
    db: DatabaseManager, clock: Clock, pruner: Pruning
) -> None:
    await take_turn(db.users, "1", clock(), registration("1"))
    clock.advance(hours=25)
    await pruner.prune(clock())
    await take_turn(db.users, "1", clock(), events=(UserInteraction(action="back"),))
    assert [event.sequence for event in await db.events.history(0, 100)] == [2]


async def test_only_so_many_events_are_kept(
    db: DatabaseManager, clock: Clock, pruner: Pruning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_EVENTS", 5)
    await live_a_day(db, clock, 0)
    await pruner.prune(clock())
    assert len(await db.events.history(0, 100)) == 5


async def test_the_newest_dead_letters_are_kept_and_the_log_counts_the_others(
    db: DatabaseManager, clock: Clock, pruner: Pruning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "MOST_DEAD_LETTERS", 5)
    kinds = ["document", *["update", "event"] * 7]
    for number, kind in enumerate(kinds):
        await db.dead_letters.add(DeadLetter(kind, f"key {number}", "1", "error", b"{}"))
    with capture_logs() as logs:
        await pruner.prune(clock())
        await pruner.prune(clock())
    kept = [stored.letter.key for stored in await db.dead_letters.page()]
    assert kept == ["key 0", *(f"key {number}" for number in range(10, 15))]
    assert [(line["event"], line["number"]) for line in logs] == [
        ("pruning.dead_letters_removed", 9)
    ]


async def test_the_pruner_goes_on_after_the_database_was_away(
    db: DatabaseManager, clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "EVERY", 0.01)
    await live_a_day(db, clock, 0)
    rounds = 0
    prune = Pruning.prune

    async def away_at_first(self: Pruning, now: Instant) -> Mapping[str, int]:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise StoreUnavailable("away")
        return await prune(self, now)

    monkeypatch.setattr(Pruning, "prune", away_at_first)
    clock.advance(hours=49)
    async with ActorSystem() as system:
        system.spawn(db.pruner, name="pruner")
        await until(lambda: query(path, "SELECT count(*) FROM sent_messages") == [(0,)])
    assert rounds > 1


async def test_a_slice_waits_for_an_idle_writer_but_not_for_long(
    db: DatabaseManager,
    clock: Clock,
    path: Path,
    pruner: Pruning,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks, busy = 0, True

    def look(_: Writer) -> bool:
        nonlocal looks
        looks += 1
        return busy

    def messages() -> int:
        kept: int = only(query(path, "SELECT count(*) FROM sent_messages"))
        return kept

    await live_a_day(db, clock, 0)
    clock.advance(hours=49)
    monkeypatch.setattr(Writer, "busy", property(look))
    monkeypatch.setattr(pruning, "PATIENCE", 1_000)
    async with anyio.create_task_group() as group:
        group.start_soon(pruner.prune, clock())
        await until(lambda: looks > 5)
        assert messages() == 9
        busy = False
    assert messages() == 0

    await live_a_day(db, clock, 100)
    clock.advance(hours=49)
    busy = True
    monkeypatch.setattr(pruning, "PATIENCE", 0.001)
    with anyio.fail_after(10):
        await pruner.prune(clock())
    assert messages() == 0


async def test_an_empty_database_is_pruned_in_no_slices(
    db: DatabaseManager, clock: Clock, pruner: Pruning
) -> None:
    slices = await pruner.prune(clock() + timedelta(days=365))
    assert set(slices.values()) == {0}
