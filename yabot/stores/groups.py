"""The rows of one statement, many in one run of it.

SQLite works without the interpreter while it runs a statement, and before and after each run the
thread that writes has to wait for it. So rows go in groups, whose statement repeats its `VALUES`.
The rule: a group does exactly what its rows do one after another.
"""

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TypeAlias

from yabot.stores.statements import TOGETHER, Statement

GROUP = 32
"""Rows of a group. With fewer, threads wait for each other more often; more take no less time."""

VALUES = re.compile(r"VALUES (\([?, ]+\))")

Parameters: TypeAlias = tuple[object, ...]


def write_rows(
    connection: sqlite3.Connection, statement: Statement, rows: Sequence[Parameters]
) -> None:
    """Write all rows of a statement, in order. Raises what SQLite raises for the first bad one."""
    grouped = len(rows) - len(rows) % GROUP if statement in TOGETHER else 0
    for first in range(0, grouped, GROUP):
        group = rows[first : first + GROUP]
        if _shared(group, TOGETHER[statement]):
            connection.executemany(statement.value, group)
        else:
            connection.execute(for_group(statement), tuple(chain.from_iterable(group)))
    if grouped < len(rows):
        connection.executemany(statement.value, rows[grouped:])


@cache
def for_group(statement: Statement) -> str:
    """The text that takes the parameters of a whole group."""
    return VALUES.sub(lambda found: "VALUES " + ", ".join([found[1]] * GROUP), statement.value)


def _shared(group: Sequence[Parameters], place: int | None) -> bool:
    """Whether two rows name the same, so that one must be written before the other is read."""
    return place is not None and len({row[place] for row in group}) < len(group)
