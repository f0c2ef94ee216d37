"""Whose documents are ahead of the copy: ids and no documents, bounded, each user once.

The rule: what does not fit is not kept but remembered as *missed*, and the table is looked through
later. So a server that is away for hours costs no more memory than one that is away for a minute.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

MOST = 50_000
"""Users that are kept in memory."""


@dataclass(slots=True)
class Entry:
    """One user's place in line: `version` is the newest that was told, `since` is in seconds."""

    seq: int
    version: int
    since: float


class Ahead:
    """Users in the order in which they came to be ahead. A newer version keeps the user's place."""

    def __init__(self, most: int = MOST) -> None:
        self.missed_since: float | None = None
        self.last = 0
        self._most = most
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def missed(self) -> bool:
        """Whether somebody may be ahead who is not in line."""
        return self.missed_since is not None

    def miss(self, now: float) -> None:
        """Somebody may be ahead who is not in line."""
        if self.missed_since is None:
            self.missed_since = now

    def look(self, now: float) -> float:
        """Everybody is looked for from now on; returns since when somebody may have been missed."""
        since, self.missed_since = self.missed_since, None
        return now if since is None else since

    @property
    def room(self) -> int:
        """How many more users fit."""
        return self._most - len(self._entries)

    @property
    def first(self) -> Entry | None:
        """Who has waited longest."""
        return next(iter(self._entries.values()), None)

    def note(self, versions: Iterable[tuple[str, int]], now: float) -> None:
        """Users have moved on to these versions."""
        entries = self._entries
        for user_id, version in versions:
            entry = entries.get(user_id)
            if entry is not None:
                entry.version = max(entry.version, version)
            elif len(entries) < self._most:
                self.last += 1
                entries[user_id] = Entry(self.last, version, now)
            else:
                self.miss(now)

    def beyond(self, seq: int, limit: int) -> list[tuple[str, int]]:
        """The next (user, seq) in line after `seq`, at most `limit`."""
        waiting: Iterator[tuple[str, int]] = (
            (user_id, entry.seq) for user_id, entry in self._entries.items() if entry.seq > seq
        )
        return list(islice(waiting, limit))

    def settle(self, user_id: str, version: int, now: float) -> None:
        """The copy has this version; a user who has moved on meanwhile goes to the end of the line.

        A version 0 says that there is nothing to copy.
        """
        entry = self._entries.pop(user_id, None)
        if entry is not None and version and entry.version > version:
            self.note([(user_id, entry.version)], now)
