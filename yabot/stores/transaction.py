"""One batch as one transaction.

It runs on the connection's thread from its first statement to its COMMIT, without a word to the
event loop in between. The connection opens a transaction before any row, so nothing is durable
until COMMIT, which is asked for only when every statement went well.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiosqlite

from yabot import faults
from yabot.stores.failures import CommitInDoubt, ConnectionInDoubt
from yabot.stores.groups import Parameters, write_rows
from yabot.stores.statements import NUMBERED, TURN, Statement

Row: TypeAlias = tuple[Statement, Parameters]
Rows: TypeAlias = Sequence[Row]
"""What one item writes: all of it or nothing."""

Batch: TypeAlias = dict[Statement, list[Parameters]]
"""The rows of many items by statement, in the order of the table of statements."""

Numbers: TypeAlias = Mapping[Statement, int]
"""The number that the last row of each numbered statement has got."""


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of one statement in one commit; `last` is the number of the last one, where known."""

    rows: Sequence[tuple[Any, ...]]
    last: int | None


def by_statement(items: Iterable[Rows]) -> Batch:
    """Gather the rows of many items."""
    found: Batch = {}
    for rows in items:
        for statement, parameters in rows:
            try:
                found[statement].append(parameters)
            except KeyError:
                found[statement] = [parameters]
    return {statement: found[statement] for statement in Statement if statement in found}


def write_transaction(connection: sqlite3.Connection, batch: Batch, token: int) -> Numbers:
    """Write a batch durably and leave `token` as its name in `meta.batch`.

    Raises what SQLite raised when nothing was written, CommitInDoubt, ConnectionInDoubt.
    """
    numbers: dict[Statement, int] = {}
    try:
        for statement, rows in batch.items():
            write_rows(connection, statement, rows)
            if statement in NUMBERED:
                ((numbers[statement],),) = connection.execute("SELECT last_insert_rowid()")
        connection.execute(Statement.META_BATCH.value, (token,))
    except BaseException:
        _roll_back(connection)
        raise
    is_turn = not TURN.isdisjoint(batch)
    if is_turn:
        faults.reach("before_commit")
    try:
        connection.commit()
    except sqlite3.Error as error:
        raise CommitInDoubt(str(error)) from error
    if is_turn:
        faults.reach("after_commit")
    return numbers


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        connection.rollback()
    except (sqlite3.Error, ValueError) as error:
        raise ConnectionInDoubt(str(error)) from error


async def last_batch(connection: aiosqlite.Connection) -> int:
    """The token of the last batch that is durable."""
    rows = list(await connection.execute_fetchall("SELECT batch FROM meta"))
    return int(rows[0][0])
