"""What waits for the writer: items in order, bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Sequence

from yabot.errors import StoreUnavailable
from yabot.stores.transaction import Rows

BATCH_ITEMS = 256
BATCH_BYTES = 4_000_000
"""What one transaction takes at most. A row of each item fills the largest group of a statement."""

PLENTY = 64
"""Items from which a transaction costs next to nothing for each of them."""

QUEUE_ITEMS = 20_000
QUEUE_BYTES = 64_000_000
"""What may wait; more is refused."""


class Item:
    """Rows that are written together, and the one who waits for them. No rows make a fence."""

    __slots__ = ("done", "rows", "size")

    def __init__(self, rows: Rows, size: int, done: "asyncio.Future[None]") -> None:
        self.rows = rows
        self.size = size
        self.done = done

    def succeed(self) -> None:
        """Tell the waiter, unless they have gone away."""
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        """Tell the waiter what went wrong, unless they have gone away."""
        if not self.done.done():
            self.done.set_exception(error)


class WriteQueue:
    """The items that wait, and those of a failed batch, which are written one by one first."""

    def __init__(
        self, *, items: int = QUEUE_ITEMS, size: int = QUEUE_BYTES, batch: int = BATCH_ITEMS
    ) -> None:
        self._most_items = items
        self._most_bytes = size
        self._batch = batch
        self._waiting: deque[Item] = deque()
        self._alone: deque[Item] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._alone)

    @property
    def plenty(self) -> bool:
        """Whether the next batch would not become much better by waiting."""
        return bool(self._alone) or len(self._waiting) >= min(PLENTY, self._batch)

    def add(self, item: Item) -> None:
        """Let an item wait. Raises StoreUnavailable when too much waits already."""
        full = len(self._waiting) >= self._most_items
        if full or (self._waiting and self.bytes + item.size > self._most_bytes):
            raise StoreUnavailable("too much waits to be written; the disk can't keep up")
        self._waiting.append(item)
        self.bytes += item.size

    def add_alone(self, items: Sequence[Item]) -> None:
        """Let the items of a failed batch wait to be written one by one, before all others."""
        self._alone.extend(items)
        self.bytes += sum(item.size for item in items)

    def take(self) -> list[Item]:
        """Remove the next batch: what waits, within the bounds of a transaction, in order."""
        if self._alone:
            return [self._taken(self._alone)]
        batch = [self._taken(self._waiting)]
        size = batch[0].size
        while self._waiting and len(batch) < self._batch:
            size += self._waiting[0].size
            if size > BATCH_BYTES:
                break
            batch.append(self._taken(self._waiting))
        return batch

    def _taken(self, queue: deque[Item]) -> Item:
        item = queue.popleft()
        self.bytes -= item.size
        return item
