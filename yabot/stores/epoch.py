"""The epoch of a database: what is numbered here is ordered by (epoch, number).

A restore from a backup, or a server that another database has fed, raises it, so nothing old can
refuse or repeat what is new. The rule: whoever numbers reads it at that moment, and it is durable
before anybody sees it.
"""

from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer


class Epoch:
    """One value for everything that numbers; it only grows."""

    def __init__(self, value: int) -> None:
        self.value = value

    async def raise_above(self, other: int, writer: Writer, *rows: Row) -> None:
        """Move beyond `other`, durably and together with `rows`. Raises StoreUnavailable."""
        raised = max(self.value, other) + 1
        await writer.write((Statement.META_EPOCH, (raised,)), *rows)
        self.value = raised
