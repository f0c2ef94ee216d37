"""Receipts: that something which is no user's turn was done under a key.

The rule: a receipt is written together with what was done, so it is there exactly if that is.
"""

from yabot.domain.decision import Once
from yabot.domain.values import Instant
from yabot.stores.moments import to_micros
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row

FINGERPRINT = "SELECT fingerprint FROM processed_keys WHERE key = ?"


def receipt(once: Once, now: Instant) -> Row:
    """The row of a receipt; writing it twice is refused."""
    return Statement.KEY_ADD, (once.key, "", once.fingerprint, "{}", to_micros(now))


async def fingerprint(reader: Reader, key: str) -> str | None:
    """What was asked for under a key; None where nothing was done. Raises StoreUnavailable."""
    row = await reader.row(FINGERPRINT, key)
    return row[0] if row is not None else None
