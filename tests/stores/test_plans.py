"""How SQLite finds its rows: by a key or an index, never by reading a whole table."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from yabot.stores import (
    commands,
    dead_letters,
    documents,
    events,
    inbox,
    known_keys,
    names,
    pruning,
    replies,
    sampling,
    users,
)
from yabot.stores.groups import SIZES, for_group
from yabot.stores.migrations import read_migrations
from yabot.stores.statements import TOGETHER, Statement

QUERIES = (
    users.LOAD,
    users.KEY,
    users.MARK,
    users.MOVEMENTS,
    inbox.OF_USER,
    inbox.FIRST_WAITING,
    inbox.WAITING,
    inbox.NEWEST_UPDATES,
    inbox.KNOWN,
    replies.READ,
    replies.REAL_ID,
    names.NAMED,
    known_keys.PAGE,
    known_keys.SPAN,
    commands.DUE,
    commands.NEXT_DUE,
    events.AFTER,
    events.WAITING,
    events.LAG,
    events.MISSED,
    events.RETURNED,
    dead_letters.PAGE,
    dead_letters.ONE,
    pruning.EVENTS_SPAN,
    pruning.FORGOTTEN,
    pruning.OLD_DEAD_LETTERS,
    documents.BEHIND,
    documents.EVERYBODY,
    documents.DOCUMENTS,
    sampling.OLDEST_UPDATE,
    sampling.REPLIES,
    sampling.EVENTS,
    sampling.COMMANDS,
    sampling.DEAD_LETTERS,
    *(table.slice for table in (pruning.INBOX, pruning.KEYS, pruning.MESSAGES, pruning.EVENTS)),
)

SMALL = {
    "meta",
    "document_relay",
    "relays",
    "sqlite_sequence",
    "items",
    "narrative_fragments",
    "json_each",
    "bots",
}
"""What may be read as a whole: it does not grow with users or time."""

ONCE = {Statement.EVENTS_EPOCH}
"""What a database does once, while it is young."""


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        for migration in read_migrations():
            opened.executescript(migration.script)
        yield opened


def scanned(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The tables that a statement reads as a whole."""
    numbered = max((n for n in range(1, 100) if f"?{n}" in sql), default=sql.count("?"))
    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * numbered)
    steps = [str(detail).split() for *_, detail in plan]
    return [step[1] for step in steps if step[0] == "SCAN" and not (made(step) or step[1] in SMALL)]


def made(step: list[str]) -> bool:
    """Whether what is scanned are rows that the statement itself has made."""
    return "CONSTANT" in step or step[1].startswith("(subquery-")


@pytest.mark.parametrize(
    "statement",
    [each for each in Statement if each not in ONCE],
    ids=lambda statement: statement.name,
)
def test_a_statement_finds_its_rows_by_an_index(
    connection: sqlite3.Connection, statement: Statement
) -> None:
    assert scanned(connection, statement.value) == []


@pytest.mark.parametrize("statement", TOGETHER, ids=lambda statement: statement.name)
def test_a_group_finds_its_rows_by_an_index(
    connection: sqlite3.Connection, statement: Statement
) -> None:
    assert scanned(connection, for_group(statement, SIZES[-1])) == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: " ".join(query.split())[:60])
def test_a_query_finds_its_rows_by_an_index(connection: sqlite3.Connection, query: str) -> None:
    assert scanned(connection, query) == []


def test_due_commands_are_found_by_their_time(connection: sqlite3.Connection) -> None:
    plan = connection.execute(f"EXPLAIN QUERY PLAN {commands.DUE}", [1, 1, 1]).fetchall()
    assert "commands_by_time (due_at<?)" in plan[0][3]


def test_who_was_deleted_is_found_without_reading_the_other_events(
    connection: sqlite3.Connection,
) -> None:
    plan = connection.execute(f"EXPLAIN QUERY PLAN {pruning.FORGOTTEN}", [1, 1, 1]).fetchall()
    assert "farewells" in plan[0][3]
