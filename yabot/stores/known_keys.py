"""KnownKeys: tells a new key from a processed one, in most cases without asking the disk.

Nearly every key is new, and a query for it costs a sixth of the request that brought it. The rule:
a processed key is never taken for a new one. Until all keys have been read each one may be known,
and what is committed from then on is heard of before anybody is told.
"""

from typing import Any, Protocol

import structlog

from yabot.stores.bloom import BloomFilter
from yabot.stores.statements import Statement
from yabot.stores.transaction import Written
from yabot.stores.writer import Writer

PAGE = "SELECT id, key FROM processed_keys WHERE id > ? ORDER BY id LIMIT ?"
SPAN = """
    SELECT (SELECT max(id) FROM processed_keys), (SELECT min(id) FROM processed_keys)"""

ROWS = 500
"""Keys read at a time, so that other queries come in between."""

FEWEST = 50_000
MOST = 10_000_000
"""Keys that a filter is made for: twice what there are, within these bounds (it has 32 MB then)."""

log = structlog.get_logger(__name__)


class Query(Protocol):
    """Runs queries; a Reader does."""

    async def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises StoreUnavailable."""
        ...


class KnownKeys:
    """What is known of processed keys. Make it before the first commit."""

    def __init__(self, writer: Writer, reader: Query) -> None:
        self._reader = reader
        self._filter: BloomFilter | None = None
        self._filling: BloomFilter | None = None
        writer.on_commit(Statement.KEY_ADD, self._committed)

    def __contains__(self, key: str) -> bool:
        """Whether the key may have been processed; when not, it was not."""
        return self._filter is None or key in self._filter

    async def refresh(self) -> None:
        """Read all keys, if they were never read or more have come than were reckoned with.

        Raises StoreUnavailable.
        """
        if self._filter is not None and not self._filter.full:
            return
        ((newest, oldest),) = await self._reader.rows(SPAN)
        stored = newest - oldest + 1 if newest is not None else 0
        if 2 * stored > MOST:
            log.warning("keys.too_many", stored=stored)
            self._filter = None
            return
        self._filling = filling = BloomFilter(max(FEWEST, 2 * stored))
        try:
            await self._read_into(filling)
            self._filter = filling
        finally:
            self._filling = None

    async def _read_into(self, filling: BloomFilter) -> None:
        position = 0
        while page := await self._reader.rows(PAGE, position, ROWS):
            for _, key in page:
                filling.add(key)
            position = page[-1][0]

    def _committed(self, written: Written) -> None:
        for known in (self._filter, self._filling):
            if known is not None:
                for key, *_ in written.rows:
                    known.add(key)
