"""Group commit: many items in one transaction, each with an outcome of its own."""

import asyncio
import gc
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint

from supervision import Breaker, BreakerState
from tests.stores.running import Trouble, limited, only, query, write_all
from tests.waiting import until
from yabot.errors import AlreadyProcessed, CommitRefused, StaleVersion, StoreUnavailable
from yabot.stores.connections import BREAKER, BUSY_TIMEOUT, connect, open_writing
from yabot.stores.failures import is_outage
from yabot.stores.migrations import MigrationManager
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row, Written
from yabot.stores.write_queue import BATCH_ITEMS, WriteQueue
from yabot.stores.writer import GATHERING, Writer

pytestmark = pytest.mark.anyio


def item(item_id: str, body: str = "{}") -> Row:
    return Statement.ITEM_ADD, (item_id, body)


def document(user_id: str, version: int) -> Row:
    return Statement.DOCUMENT_PUT, (user_id, 1, version, "{}")


def key(name: str) -> Row:
    return Statement.KEY_ADD, (name, "1", "", "{}", 0)


def items_in(path: Path) -> list[str]:
    return [name for (name,) in query(path, "SELECT item_id FROM items ORDER BY rowid")]


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
async def writer(path: Path, trouble: Trouble) -> AsyncIterator[Writer]:
    """A writer over a migrated file, which writes as soon as something runs `writer.run`."""
    made = Writer(partial(open_writing, path, trouble.connect))
    await MigrationManager(await made.connection()).migrate()
    yield made
    await made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "t.db"


async def test_what_waits_together_is_one_transaction(writer: Writer, path: Path) -> None:
    outcomes = await write_all(writer, *((item(f"i{n}"),) for n in range(100)))
    assert outcomes == [None] * 100
    assert items_in(path) == [f"i{n}" for n in range(100)]
    assert writer.statistics().batches == 1
    assert writer.statistics().items == 100


async def test_who_is_just_about_to_write_comes_along(writer: Writer, path: Path) -> None:
    async def later(passes: int) -> None:
        for _ in range(passes):
            await asyncio.sleep(0)
        await writer.write(item(f"after {passes}"))

    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        with anyio.fail_after(20):
            await asyncio.gather(later(1), later(GATHERING // 2), later(GATHERING - 1))
        group.cancel_scope.cancel()
    assert len(items_in(path)) == 3
    assert writer.statistics().batches == 1


async def test_a_full_transaction_waits_for_nobody(path: Path, writer: Writer) -> None:
    made = Writer(partial(open_writing, path), WriteQueue(batch=1))
    outcomes = await write_all(made, (item("a"),), (item("b"),))
    assert outcomes == [None, None]
    assert made.statistics().batches == 2
    await made.close()


async def test_a_transaction_takes_a_bounded_number_of_items(writer: Writer) -> None:
    await write_all(writer, *((item(f"i{n}"),) for n in range(BATCH_ITEMS + 1)))
    assert writer.statistics().batches == 2


async def test_a_transaction_takes_a_bounded_number_of_bytes(writer: Writer) -> None:
    waiting = [asyncio.ensure_future(writer.write(item(f"i{n}"), size=3_000_000)) for n in range(4)]
    await asyncio.sleep(0)
    await write_all(writer)
    await writer.drain()
    await asyncio.gather(*waiting)
    assert writer.statistics().batches == 4


async def test_only_the_bad_item_of_a_batch_fails(writer: Writer, path: Path) -> None:
    outcomes = await write_all(
        writer,
        (item("a"),),
        (item("b"), document("1", 2)),
        (item("c"), document("1", 1)),
        (item("d"), key("k")),
        (item("e"), key("k")),
        (item("a"),),
        (item("f"), (Statement.ITEM_ADD, (object(), "no parameter for SQLite"))),
        (item("g"),),
    )
    kinds = [type(outcome) for outcome in outcomes]
    none = type(None)
    refused = [none, StaleVersion, none, none, AlreadyProcessed, CommitRefused]
    assert kinds == [*refused, sqlite3.ProgrammingError, none]
    assert items_in(path) == ["a", "c", "d", "g"]


async def test_a_cancelled_caller_changes_nothing_for_the_others(
    writer: Writer, path: Path
) -> None:
    callers = [asyncio.ensure_future(writer.write(item(f"i{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    callers[2].cancel()
    await write_all(writer)
    with anyio.fail_after(15):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome] == [asyncio.CancelledError]
    assert len(items_in(path)) == 5


async def test_a_cancelled_writer_ends_the_batch_that_it_has_begun(
    writer: Writer, path: Path
) -> None:
    caller = asyncio.ensure_future(writer.write(item("a")))
    await asyncio.sleep(0)
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await until(lambda: writer.statistics().queued == 0)
        group.cancel_scope.cancel()
    await caller
    assert items_in(path) == ["a"]


async def test_a_full_queue_refuses(path: Path) -> None:
    small = Writer(partial(open_writing, path, connect), WriteQueue(items=2))
    waiting = [asyncio.ensure_future(small.write(item(f"i{n}"))) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable) as refused:
        await small.write(item("one too many"))
    assert refused.value.retry_after is not None
    await small.close()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)


async def test_a_queue_that_is_full_of_bytes_refuses(path: Path) -> None:
    small = Writer(partial(open_writing, path, connect), WriteQueue(size=1_000))
    waiting = asyncio.ensure_future(small.write(item("a"), size=5_000))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable):
        await small.write(item("b"), size=1)
    await small.close()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_a_fence_waits_for_all_that_was_queued_before(writer: Writer, path: Path) -> None:
    caller = asyncio.ensure_future(writer.write(item("a")))
    await asyncio.sleep(0)
    fence = asyncio.ensure_future(writer.fence())
    await asyncio.sleep(0)
    assert not fence.done()
    await write_all(writer)
    await fence
    assert caller.done()
    assert items_in(path) == ["a"]


async def test_a_fence_with_nothing_before_it_waits_for_nothing(writer: Writer) -> None:
    with anyio.fail_after(1):
        await writer.fence()


async def test_a_failed_commit_is_an_error_when_it_left_nothing(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    trouble.commit_fails = 1
    outcomes = await write_all(writer, (item("a"),), (item("b"),))
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
    assert items_in(path) == []
    assert await write_all(writer, (item("a"),)) == [None]
    assert items_in(path) == ["a"]


async def test_a_failed_commit_that_is_durable_all_the_same_is_a_success(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    heard: list[Written] = []
    writer.on_commit(Statement.ITEM_ADD, heard.append)
    trouble.commit_fails, trouble.after_the_fact = 1, True
    assert await write_all(writer, (item("a"),), (item("b"),)) == [None, None]
    assert items_in(path) == ["a", "b"]
    assert heard == [Written([("a", "{}"), ("b", "{}")], None)]


async def test_nobody_is_told_while_the_outcome_can_not_be_read(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    trouble.commit_fails, trouble.after_the_fact, trouble.open_fails = 1, True, 3
    assert await write_all(writer, (item("a"),)) == [None]
    assert trouble.opened == 2
    assert items_in(path) == ["a"]


async def test_a_failed_rollback_opens_the_database_again(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    trouble.rollback_fails = 1
    (outcome,) = await write_all(writer, (item("a"), document("1", 5)))
    assert isinstance(outcome, StoreUnavailable)
    assert await write_all(writer, (item("b"),)) == [None]
    assert items_in(path) == ["b"]
    assert trouble.opened == 2


async def test_a_connection_that_is_given_up_keeps_no_lock(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    gc.disable()
    try:
        trouble.commit_fails, trouble.rollback_fails = 1, 1
        (outcome,) = await write_all(writer, (item("a"),))
        assert isinstance(outcome, StoreUnavailable)
        with anyio.fail_after(BUSY_TIMEOUT / 2):
            assert await write_all(writer, (item("b"),)) == [None]
    finally:
        gc.enable()
    assert items_in(path) == ["b"]


async def test_a_batch_that_was_torn_from_its_task_is_settled_by_the_next(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    trouble.committing.clear()
    trouble.may_commit.clear()
    caller = asyncio.ensure_future(writer.write(item("a")))
    await asyncio.sleep(0)
    running = asyncio.ensure_future(writer.run())
    await until(trouble.committing.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not caller.done()
    trouble.may_commit.set()
    await write_all(writer)
    await writer.drain()
    with anyio.fail_after(15):
        await caller
    assert items_in(path) == ["a"]


async def test_closing_in_doubt_promises_nothing(
    writer: Writer, path: Path, trouble: Trouble
) -> None:
    trouble.commit_fails, trouble.open_fails = 1, 1_000
    caller = asyncio.ensure_future(writer.write(item("a")))
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await until(lambda: trouble.open_fails < 1_000)
        group.cancel_scope.cancel()
    await writer.close()
    with pytest.raises(StoreUnavailable, match="before this was known"):
        await caller


async def test_a_database_that_can_not_be_opened_fails_the_batch_and_heals(
    path: Path, trouble: Trouble
) -> None:
    trouble.open_fails = 1
    writer = Writer(partial(open_writing, path, trouble.connect))
    (outcome,) = await write_all(writer, (item("a"),))
    assert isinstance(outcome, StoreUnavailable)
    await MigrationManager(await writer.connection()).migrate()
    assert await write_all(writer, (item("a"),)) == [None]
    await writer.close()


async def test_a_database_that_keeps_failing_is_left_alone_for_a_moment(
    path: Path, trouble: Trouble
) -> None:
    now = 0.0
    breaker = Breaker("sqlite", BREAKER, counts=is_outage, clock=lambda: now)
    writer = Writer(partial(open_writing, path, trouble.connect), breaker=breaker)
    trouble.open_fails = 1_000
    for _ in range(3):
        await write_all(writer, (item("a"),))
    assert breaker.statistics().opened == 1
    asked = trouble.open_fails
    (refused,) = await write_all(writer, (item("a"),))
    assert isinstance(refused, StoreUnavailable)
    assert refused.retry_after == BREAKER.open_for
    assert trouble.open_fails == asked
    trouble.open_fails = 0
    await MigrationManager(await writer.connection()).migrate()
    now = BREAKER.open_for
    assert await write_all(writer, (item("a"),)) == [None]
    assert breaker.state is BreakerState.CLOSED
    await writer.close()


async def test_refused_rows_are_no_failure_of_the_database(writer: Writer) -> None:
    for _ in range(5):
        await write_all(writer, (document("1", 7),))
    assert writer.breaker.state is BreakerState.CLOSED


async def test_a_full_disk_fails_every_waiter_and_leaves_nothing_behind(path: Path) -> None:
    pages = 1_000
    writer = Writer(partial(open_writing, path, limited(lambda: pages)))
    connection = await writer.connection()
    await MigrationManager(connection).migrate()
    used = only(await connection.execute_fetchall("PRAGMA page_count"))
    await connection.execute_fetchall(f"PRAGMA max_page_count = {used + 20}")
    big = "x" * 50_000
    outcomes = await write_all(
        writer, (item("a"),), (item("b", big), document("1", 1)), (item("c", big), key("k"))
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 3
    assert items_in(path) == []
    assert query(path, "SELECT * FROM user_documents") == []
    assert query(path, "SELECT * FROM processed_keys") == []
    await (await writer.connection()).execute_fetchall("PRAGMA max_page_count = 100000")
    assert await write_all(writer, (item("b", big), document("1", 1))) == [None]
    await writer.close()


async def test_draining_writes_what_waits_and_refuses_the_rest(writer: Writer, path: Path) -> None:
    caller = asyncio.ensure_future(writer.write(item("a")))
    await asyncio.sleep(0)
    await writer.drain()
    await caller
    assert items_in(path) == ["a"]
    with pytest.raises(StoreUnavailable):
        await writer.write(item("b"))


async def test_a_writer_that_runs_again_takes_items_again(writer: Writer) -> None:
    await writer.drain()
    async with anyio.create_task_group() as group:
        group.start_soon(writer.run)
        await checkpoint()
        with anyio.fail_after(15):
            await writer.write(item("a"))
        group.cancel_scope.cancel()


async def test_a_listener_that_fails_keeps_no_answer_back(writer: Writer, path: Path) -> None:
    def broken(written: Written) -> None:
        raise RuntimeError("broken listener")

    writer.on_commit(Statement.ITEM_ADD, broken)
    caller = asyncio.ensure_future(writer.write(item("a")))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="broken listener"):
        await writer.run()
    await caller
    assert items_in(path) == ["a"]


async def test_durations_are_counted(writer: Writer) -> None:
    await write_all(writer, (item("a"),))
    durations = writer.statistics().durations
    assert durations.count == 1
    assert durations.seconds > 0
