"""The port through which the API reads a ledger; `app.py` provides it.

The rule: entries never change and their ids only grow, so a page begins where the last one ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yabot.domain.values import Instant, UserId


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One movement of besitos as it was stored: `amount` in or out, and the `balance` after it."""

    id: int
    amount: int
    balance: int
    reason: str
    created_at: Instant


class Ledger(Protocol):
    """The stored movements of every user."""

    async def page(
        self, user_id: UserId, *, before: int | None, limit: int
    ) -> Sequence[LedgerLine]:
        """At most `limit` lines with `id < before` (None: the newest), newest first.

        Raises StoreUnavailable.
        """
        ...
