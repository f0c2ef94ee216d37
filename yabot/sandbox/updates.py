"""The updates that a bot has not confirmed yet.

The rule: an update stays until it is confirmed or expires, and reading never removes it. It has
one listener at a time, since polling and webhook exclude each other.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import orjson

from yabot.sandbox.encoding import encode
from yabot.sandbox.errors import DriverError
from yabot.sandbox.journal import Journal

MESSAGE_LIFETIME = 24 * 3600.0
PRESS_LIFETIME = 150.0
CAPACITY = 100_000


@dataclass(frozen=True, slots=True)
class Update:
    """One update as it will be sent.

    queue: updates of one queue are delivered in order, those of two queues independently.
    expires: seconds since the epoch.
    body: the JSON object, encoded.
    """

    id: int
    queue: str
    expires: float
    body: bytes


class UpdateQueue:
    """Pending updates of one bot, in order, also kept in the journal under `owner`."""

    def __init__(self, journal: Journal, owner: int) -> None:
        self._journal = journal
        self._owner = owner
        self._pending: OrderedDict[int, Update] = OrderedDict()
        self.listener: Callable[[Update], None] | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def __iter__(self) -> Iterator[Update]:
        return iter(list(self._pending.values()))

    def restore(self, update_id: int, record: dict[str, object]) -> None:
        """Take back an update from the journal; call in ascending order of ids."""
        self._pending[update_id] = Update(
            update_id,
            str(record["queue"]),
            float(str(record["expires"])),
            encode(record["update"]),
        )

    def require_room(self) -> None:
        """Raise DriverError when the bot is too far behind to be sent more."""
        if len(self._pending) >= CAPACITY:
            raise DriverError(
                f"the bot has {CAPACITY} updates waiting; let it catch up first", status=429
            )

    def append(self, update: Update) -> None:
        self._pending[update.id] = update
        record = {
            "queue": update.queue,
            "expires": update.expires,
            "update": orjson.Fragment(update.body),
        }
        self._journal.put("update", self._key(update.id), record)
        if self.listener is not None:
            self.listener(update)

    def discard(self, update_id: int) -> None:
        if self._pending.pop(update_id, None) is not None:
            self._journal.delete("update", self._key(update_id))

    def confirm(self, offset: int) -> None:
        """Forget every update with an id below `offset`."""
        while self._pending:
            first = next(iter(self._pending))
            if first >= offset:
                return
            self.discard(first)

    def forget_all_but(self, count: int) -> None:
        """Keep only the newest `count` updates."""
        while len(self._pending) > count:
            self.discard(next(iter(self._pending)))

    def first(self, count: int, now: float) -> list[Update]:
        """Up to `count` oldest updates; expired ones met on the way are dropped."""
        found: list[Update] = []
        for update in list(islice(self._pending.values(), count)):
            if update.expires > now:
                found.append(update)
            else:
                self.discard(update.id)
        return found or (self.first(count, now) if self._pending and count > 0 else [])

    def expire(self, now: float) -> None:
        """Drop every update whose time is over."""
        for update in self:
            if update.expires <= now:
                self.discard(update.id)

    def _key(self, update_id: int) -> str:
        return f"{self._owner}:{update_id}"
