"""One batch as one transaction.

All statements are handed to the connection's thread at once, so that it runs through them without
waiting for the event loop in between. That is safe because the connection opens a transaction
before any row: nothing is durable until COMMIT, which is asked for only when every statement went
well.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import aiosqlite

from yabot import faults
from yabot.stores.failures import ConnectionInDoubt
from yabot.stores.statements import TURN, Statement

Row: TypeAlias = tuple[Statement, tuple[object, ...]]
Rows: TypeAlias = Sequence[Row]
"""What one item writes: all of it or nothing."""

Batch: TypeAlias = dict[Statement, list[tuple[object, ...]]]
"""The rows of many items by statement, in the order of the table of statements."""


class CommitInDoubt(Exception):
    """COMMIT itself failed: the batch is durable or it is not, and only reading tells."""


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


async def write_transaction(connection: aiosqlite.Connection, batch: Batch, token: int) -> None:
    """Write a batch durably and leave `token` as its name in `meta.batch`.

    Raises what SQLite raised when nothing was written, CommitInDoubt, ConnectionInDoubt.
    """
    failure = await _execute_all(connection, batch, token)
    if failure is not None:
        await _roll_back(connection)
        raise failure
    is_turn = not TURN.isdisjoint(batch)
    if is_turn:
        faults.reach("before_commit")
    try:
        await connection.commit()
    except sqlite3.Error as error:
        raise CommitInDoubt(str(error)) from error
    if is_turn:
        faults.reach("after_commit")


async def _execute_all(
    connection: aiosqlite.Connection, batch: Batch, token: int
) -> BaseException | None:
    """Run every statement, and return the first error.

    The cursors die with this frame: a connection that is closed while one of its statements lives
    would hold its lock on the database until that statement is collected.
    """
    # gather starts the calls in this order, and the connection's thread takes them one by one.
    results = await asyncio.gather(
        *(connection.executemany(statement.value, rows) for statement, rows in batch.items()),
        connection.executemany(Statement.META_BATCH.value, [(token,)]),
        return_exceptions=True,
    )
    return next((result for result in results if isinstance(result, BaseException)), None)


async def _roll_back(connection: aiosqlite.Connection) -> None:
    try:
        await connection.rollback()
    except (sqlite3.Error, ValueError) as error:
        raise ConnectionInDoubt(str(error)) from error


async def last_batch(connection: aiosqlite.Connection) -> int:
    """The token of the last batch that is durable."""
    rows = list(await connection.execute_fetchall("SELECT batch FROM meta"))
    return int(rows[0][0])
