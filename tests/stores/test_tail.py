"""Rows that were committed just now come from memory, all others from the table."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stores.running import Clock, Trouble, query, running
from tests.stores.turns import registration, take_turn
from yabot.errors import StoreUnavailable
from yabot.stores.database import DatabaseManager
from yabot.stores.tail import StoredRow, Tail
from yabot.users.ports import Call

pytestmark = pytest.mark.anyio


def rows(*seqs: int) -> list[StoredRow]:
    return [(seq,) for seq in seqs]


def tail(*, most_rows: int = 100, most_bytes: int = 1_000) -> Tail:
    return Tail(lambda row: row[0], rows=most_rows, most=most_bytes)


def test_before_the_first_commit_the_table_is_asked() -> None:
    assert tail().take(0, 10) is None


def test_what_is_committed_is_given_once_and_in_order() -> None:
    kept = tail()
    kept.extend(rows(5, 6))
    kept.extend(rows(7))
    assert kept.take(4, 2) == rows(5, 6)
    assert kept.take(6, 10) == rows(7)
    assert kept.take(7, 10) == []


def test_who_asks_again_or_for_something_older_is_sent_to_the_table() -> None:
    kept = tail()
    kept.extend(rows(5, 6))
    assert kept.take(3, 10) is None
    assert kept.take(4, 10) == rows(5, 6)
    assert kept.take(4, 10) is None


def test_a_reader_who_has_got_further_elsewhere_goes_on_from_there() -> None:
    kept = tail()
    kept.extend(rows(5, 6, 7))
    assert kept.take(6, 10) == rows(7)


@pytest.mark.parametrize("kept", [tail(most_rows=2), tail(most_bytes=17)], ids=["rows", "bytes"])
def test_with_too_much_waiting_the_table_serves_until_the_reader_is_near_again(
    kept: Tail,
) -> None:
    kept.extend(rows(5, 6))
    kept.extend(rows(7))
    assert kept.take(4, 10) is None
    kept.extend(rows(8))
    assert kept.take(6, 10) is None
    assert kept.take(7, 10) == rows(8)


@given(st.lists(st.one_of(st.integers(1, 4), st.integers(-3, -1), st.just(0)), max_size=40))
def test_a_relay_gets_every_row_once_whatever_happens_in_between(steps: list[int]) -> None:
    """Positive steps commit so many rows, negative ones read that many, zero loses the tail."""
    kept, table, got = tail(most_rows=3), list[StoredRow](), list[StoredRow]()
    for step in [*steps, -200]:
        if step > 0:
            made = rows(*range(len(table) + 1, len(table) + 1 + step))
            table += made
            kept.extend(made)
        elif step == 0:
            kept.lose()
        else:
            after = got[-1][0] if got else 0
            memory = kept.take(after, -step)
            stored = [row for row in table if row[0] > after][:-step]
            assert memory is None or memory == stored
            got += stored if memory is None else memory
    assert got == table


async def leave_calls(db: DatabaseManager, clock: Clock, user_id: str, number: int) -> None:
    body = '{"text":"¡Hola! 😘"}'.encode()
    calls = [Call(db.users.next_call_id(), f"chat:{user_id}", "sendMessage", body)] * number
    await take_turn(db.users, user_id, clock(), registration(user_id), calls=tuple(calls))


async def test_rows_from_memory_are_those_of_the_table(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    await leave_calls(db, clock, "1", 3)
    from_memory = list(await db.replies.read(0, 2))
    await leave_calls(db, clock, "2", 2)
    from_memory += await db.replies.read(from_memory[-1].seq, 10)
    assert from_memory == await db.replies.read(0, 10)
    assert len(query(path, "SELECT * FROM outbox_replies")) == len(from_memory) == 5


async def test_after_a_commit_in_doubt_the_table_is_asked(path: Path, clock: Clock) -> None:
    trouble = Trouble()
    async with running(path, clock, connector=trouble.connect) as db:
        await leave_calls(db, clock, "1", 1)
        (first,) = await db.replies.read(0, 10)
        trouble.commit_fails, trouble.after_the_fact = 1, True
        await leave_calls(db, clock, "2", 1)
        trouble.commit_fails, trouble.after_the_fact = 1, False
        with pytest.raises(StoreUnavailable):
            await leave_calls(db, clock, "3", 1)
        await leave_calls(db, clock, "4", 1)
        rest = await db.replies.read(first.seq, 10)
    assert [row.user_id for row in rest] == ["2", "4"]
