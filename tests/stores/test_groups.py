"""Rows that go to SQLite in groups do what they would do one after another."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing

import pytest

from yabot.stores.groups import SIZES, Parameters, for_group, write_rows
from yabot.stores.migrations import read_migrations
from yabot.stores.statements import TOGETHER, Statement

GROUP = SIZES[-1]
MANY = sum(SIZES) + GROUP + 3
"""A group of each size, the smallest twice, and rows that are left."""

PEOPLE = 7
"""Users who share the rows: each has several in a group."""

AT = 1_790_000_000_000_000


def user(number: int) -> str:
    return str(number % PEOPLE)


def version(number: int) -> int:
    return 1 + number // PEOPLE


ROWS: Mapping[Statement, Callable[[int], Parameters]] = {
    Statement.INBOX_ADD: lambda n: (n + 1, 42, n, user(n), "{}", AT),
    Statement.INBOX_MARK: lambda n: (AT + n, n + 1),
    Statement.DOCUMENT_PUT: lambda n: (user(n), 1, version(n), f"document\0{n}"),
    Statement.DOCUMENT_APPLIED: lambda n: (version(n), user(n)),
    Statement.KEY_ADD: lambda n: (f"key {n}", user(n), "", "{}", AT),
    Statement.LEDGER_ADD: lambda n: (user(n), 2, 2 * version(n), "test", f"key {n}", AT),
    Statement.EVENT_ADD: lambda n: (f"id {n}", user(n), 1, "told", 1, "c", "", "", "{}", AT),
    Statement.REPLY_ADD: lambda n: (-n, user(n), "chat:1", "sendMessage", "{}", AT),
    Statement.REPLY_REMOVE: lambda n: (n + 1,),
    Statement.MESSAGE_SENT: lambda n: (n % 7, n, AT + n),
    Statement.COMMAND_REMOVE: lambda n: (n + 1,),
}
"""What each statement writes, in an order in which it can."""

COMMANDS = [(user(n), AT, "{}", f"key {n}", "", "", AT) for n in range(MANY)]


@pytest.fixture
def databases() -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    """Two that are alike."""
    with closing(database()) as one, closing(database()) as other:
        yield one, other


def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for migration in read_migrations():
        connection.executescript(migration.script)
    connection.execute("UPDATE meta SET database_id = ''")
    connection.executemany(Statement.COMMAND_ADD.value, COMMANDS)
    return connection


def dump(connection: sqlite3.Connection) -> Sequence[str]:
    """All that is stored; of events not their order over all users, which groups change."""
    connection.execute("UPDATE outbox_events SET seq = -1000 * CAST(user_id AS INTEGER) - sequence")
    return list(connection.iterdump())


def test_every_statement_that_takes_groups_is_tried_here() -> None:
    assert set(ROWS) == set(TOGETHER)


@pytest.mark.parametrize("number", [1, GROUP - 1, GROUP, SIZES[0], MANY])
def test_groups_leave_what_single_rows_leave(
    databases: tuple[sqlite3.Connection, sqlite3.Connection], number: int
) -> None:
    grouped, single = databases
    for statement, row in ROWS.items():
        rows = [row(n) for n in range(number)]
        write_rows(grouped, statement, rows)
        for each in rows:
            single.execute(statement.value, each)
        assert dump(grouped) == dump(single), statement.name


@pytest.mark.parametrize("each", [1, 3])
def test_the_first_rows_of_all_users_go_in_one_run_and_so_do_their_next(
    databases: tuple[sqlite3.Connection, sqlite3.Connection], each: int
) -> None:
    connection, _ = databases
    users = [str(number) for number in range(GROUP)]
    ids = {user: [f"{user} {number}" for number in range(each)] for user in users}
    rows = [(e, user, 1, "told", 1, "c", "", "", "{}", AT) for user in users for e in ids[user]]
    runs: list[str] = []
    connection.set_trace_callback(runs.append)
    write_rows(connection, Statement.EVENT_ADD, rows)
    connection.set_trace_callback(None)
    assert len({text for text in runs if "INSERT INTO outbox_events" in text}) == each
    for user in users:
        found = connection.execute(
            "SELECT event_id FROM outbox_events WHERE user_id = ? ORDER BY seq", (user,)
        )
        assert [event_id for (event_id,) in found] == ids[user]


def test_an_update_that_is_marked_twice_in_a_group_is_noticed(
    databases: tuple[sqlite3.Connection, sqlite3.Connection],
) -> None:
    connection, _ = databases
    add, mark = ROWS[Statement.INBOX_ADD], ROWS[Statement.INBOX_MARK]
    write_rows(connection, Statement.INBOX_ADD, [add(n) for n in range(GROUP)])
    marks = [mark(n) for n in range(GROUP - 1)]
    with pytest.raises(sqlite3.IntegrityError, match="already processed"):
        write_rows(connection, Statement.INBOX_MARK, [*marks, marks[0]])


@pytest.mark.parametrize("bad", [0, GROUP // 2, GROUP - 1])
def test_a_bad_row_refuses_its_whole_group(
    databases: tuple[sqlite3.Connection, sqlite3.Connection], bad: int
) -> None:
    connection, untouched = databases
    rows = [(f"{n}", 1, 7 if n == bad else 1, "{}") for n in range(GROUP)]
    with pytest.raises(sqlite3.IntegrityError, match="stale version"):
        write_rows(connection, Statement.DOCUMENT_PUT, rows)
    assert dump(connection) == dump(untouched)


def test_a_group_is_one_text_for_all_its_rows() -> None:
    text = for_group(Statement.LEDGER_ADD, GROUP)
    assert text.count("?") == GROUP * Statement.LEDGER_ADD.value.count("?")
