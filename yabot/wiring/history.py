"""The API's view of the events that are kept."""

from collections.abc import Sequence

from yabot.api.events import KeptEvent
from yabot.events.envelope import CloudEvent
from yabot.stores.events import SqliteEventOutbox


class StoredHistory:
    """The `History` port of the API over the events outbox."""

    def __init__(self, events: SqliteEventOutbox) -> None:
        self._events = events

    async def page(self, after: int, limit: int) -> Sequence[KeptEvent]:
        """At most `limit` events after `after`, in the order of their commits."""
        rows = await self._events.history(after, limit)
        return [KeptEvent(row.seq, CloudEvent.of(row).to_json()) for row in rows]
