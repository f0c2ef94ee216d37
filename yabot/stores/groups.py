"""The rows of one statement, many in one run of it.

SQLite works without the interpreter while it runs a statement, and before and after each run the
thread that writes has to wait for it. So rows go in groups, whose statement repeats its `VALUES`.
The rule: rows that name the same are written in their order, as if one after another.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import TypeAlias

from yabot.stores.statements import TOGETHER, Statement

SIZES = (256, 64, 16)
"""Rows of a group; the few that are left go one by one. A full batch fills the largest."""

VALUES = re.compile(r"VALUES (\([?, ]+\))")

Parameters: TypeAlias = tuple[object, ...]


def write_rows(
    connection: sqlite3.Connection, statement: Statement, rows: Sequence[Parameters]
) -> None:
    """Write all rows of a statement. Raises what SQLite raises for the first bad one."""
    if statement not in TOGETHER:
        connection.executemany(statement.value, rows)
        return
    for part in _rounds(rows, TOGETHER[statement]):
        _write_groups(connection, statement, part)


@cache
def for_group(statement: Statement, size: int) -> str:
    """The text that takes the parameters of a whole group."""
    return VALUES.sub(lambda found: "VALUES " + ", ".join([found[1]] * size), statement.value)


def _write_groups(
    connection: sqlite3.Connection, statement: Statement, rows: Sequence[Parameters]
) -> None:
    first = 0
    for size in SIZES:
        while len(rows) - first >= size:
            group = chain.from_iterable(rows[first : first + size])
            connection.execute(for_group(statement, size), tuple(group))
            first += size
    if first < len(rows):
        connection.executemany(statement.value, rows[first:])


def _rounds(rows: Sequence[Parameters], place: int | None) -> Sequence[Sequence[Parameters]]:
    """The rows parted so that no two of a round name the same: one is read before it is written."""
    if place is None or len({row[place] for row in rows}) == len(rows):
        return [rows]
    rounds: list[list[Parameters]] = []
    had: Counter[object] = Counter()
    for row in rows:
        nth = had[row[place]]
        if nth == len(rounds):
            rounds.append([])
        rounds[nth].append(row)
        had[row[place]] += 1
    return rounds
