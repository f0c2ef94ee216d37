"""The API's view of the stored ledger."""

from collections.abc import Sequence

from yabot.api.ledger import LedgerLine
from yabot.domain.values import UserId
from yabot.stores.users import SqliteUserStore


class StoredLedger:
    """The `Ledger` port of the API over the store."""

    def __init__(self, store: SqliteUserStore) -> None:
        self._store = store

    async def page(
        self, user_id: UserId, *, before: int | None, limit: int
    ) -> Sequence[LedgerLine]:
        """At most `limit` lines below `before`, newest first."""
        movements = await self._store.movements(user_id, before=before, limit=limit)
        return [LedgerLine(m.id, m.amount, m.balance, m.reason, m.created_at) for m in movements]
