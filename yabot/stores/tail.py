"""The newest rows of an outbox in memory: its relay gets them without asking the database.

The rule: the table is the truth. A row is given from memory once, to a reader who has everything
before it; whoever asks for anything older, or again, is sent to the table.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

ROWS = 1_000
BYTES = 16_000_000
"""What is kept at most; with more waiting, the reader is far behind and the table serves it."""

StoredRow: TypeAlias = tuple[Any, ...]
"""A row as the table gives it; its place in the order of commits, `seq`, comes first."""


class Tail:
    """The rows after `since`, all of them; `since` is None while that is not certain."""

    def __init__(
        self, size: Callable[[StoredRow], int], *, rows: int = ROWS, most: int = BYTES
    ) -> None:
        self._size = size
        self._most_rows = rows
        self._most_bytes = most
        self._rows: deque[StoredRow] = deque()
        self._bytes = 0
        self._since: int | None = None

    def extend(self, rows: Sequence[StoredRow]) -> None:
        """Keep what one transaction has committed, in order."""
        if self._since is None:
            self._since = rows[0][0] - 1
        self._rows.extend(rows)
        self._bytes += sum(map(self._size, rows))
        if len(self._rows) > self._most_rows or self._bytes > self._most_bytes:
            self.lose()

    def lose(self) -> None:
        """Forget everything; what is committed later is kept again."""
        self._rows.clear()
        self._bytes = 0
        self._since = None

    def take(self, after: int, limit: int) -> list[StoredRow] | None:
        """At most `limit` rows after `after`, which are then gone; None: ask the table."""
        if self._since is None or after < self._since:
            return None
        taken: list[StoredRow] = []
        while self._rows and len(taken) < limit:
            row = self._rows.popleft()
            self._bytes -= self._size(row)
            if row[0] > after:
                taken.append(row)
        self._since = taken[-1][0] if taken else after
        return taken
