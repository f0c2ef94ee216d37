"""Routes of a user's besitos: the balance, its movements, and moving some.

A movement needs an Idempotency-Key: repeated with the same key, it happens once.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from yabot.api import cursor as cursors
from yabot.api.ledger import Ledger, LedgerLine
from yabot.api.paging import PageAsked
from yabot.api.route import (
    UNKNOWN_USER,
    USER_UNKNOWN,
    AnyRoute,
    Asked,
    Input,
    Nothing,
    Output,
    Reply,
    Route,
    reply,
)
from yabot.api.users import USER
from yabot.domain.decision import Rejected
from yabot.domain.user import User
from yabot.domain.values import Instant
from yabot.domain.written import WHOLE
from yabot.services.coordinator import CoordinatorService
from yabot.services.users import UserService

TRANSACTIONS = f"{USER}/besitos/transactions"


class Balance(Output):
    """What is in a purse."""

    user_id: str
    balance: int


class Movement(Input):
    """Besitos to add (positive) or to spend (negative), and why."""

    amount: Annotated[int, Field(strict=True, ge=-1_000_000_000, le=1_000_000_000), WHOLE]
    reason: Annotated[str, Field(min_length=1, max_length=64)]


class Moved(Output):
    """A movement that happened, and the balance after it."""

    user_id: str
    amount: int
    reason: str
    balance: int


class Line(Output):
    """One movement."""

    id: int
    amount: int
    balance: int
    reason: str
    created_at: Instant


class Page(Output):
    """Movements, newest first. `next` asks for the page after this one; null on the last."""

    items: Sequence[Line]
    next: str | None


class BesitosRoutes:
    """Besitos over the CoordinatorService and the ledger."""

    def __init__(self, users: UserService, coordinator: CoordinatorService, ledger: Ledger) -> None:
        self._users = users
        self._coordinator = coordinator
        self._ledger = ledger

    def routes(self) -> tuple[AnyRoute, ...]:
        """The table."""
        return (
            Route("GET", f"{USER}/besitos", "get_besitos", "A user's balance",
                  Nothing, Balance, self.get_balance, errors=(UNKNOWN_USER,)),
            Route("GET", TRANSACTIONS, "list_transactions", "A user's movements, newest first",
                  PageAsked, Page, self.list_transactions,
                  errors=(UNKNOWN_USER, (400, "cursor_invalid"))),
            Route("POST", TRANSACTIONS, "create_transaction", "Add or spend besitos, once",
                  Movement, Moved, self.create_transaction, status=201, idempotency="required",
                  errors=(UNKNOWN_USER, (409, "besitos_insufficient"), (409, "purse_full"),
                          (422, "amount_zero"))),
        )  # fmt: skip

    async def get_balance(self, asked: Asked[Nothing]) -> Reply | Rejected:
        """The user's balance."""
        user = await self._users.get_user_context(asked.user_id)
        if user is None:
            return USER_UNKNOWN
        return Reply(Balance(user_id=user.user_id, balance=user.balance))

    async def list_transactions(self, asked: Asked[PageAsked]) -> Reply | Rejected:
        """A page of the user's movements."""
        if await self._users.get_user_context(asked.user_id) is None:
            return USER_UNKNOWN
        page, path = asked.input, TRANSACTIONS.format(user_id=asked.user_id)
        lines = await self._ledger.page(
            asked.user_id, before=page.position(path, cursors.FARTHEST), limit=page.limit + 1
        )
        shown = [_line(line) for line in lines[: page.limit]]
        if len(lines) <= page.limit:
            return Reply(Page(items=shown, next=None))
        after = cursors.encode(path, shown[-1].id)
        return Reply(Page(items=shown, next=after), headers=page.link(path, after))

    async def create_transaction(self, asked: Asked[Movement]) -> Reply | Rejected:
        """Add or spend besitos, once per key."""
        movement = asked.input

        def moved(user: User) -> Moved:
            return Moved(
                user_id=user.user_id,
                amount=movement.amount,
                reason=movement.reason,
                balance=user.balance,
            )

        key = asked.once.key if asked.once is not None else None
        done = await self._coordinator.process_besitos_transaction(
            asked.user_id, movement.amount, key, reason=movement.reason
        )
        return reply(done, moved)


def _line(line: LedgerLine) -> Line:
    return Line(
        id=line.id,
        amount=line.amount,
        balance=line.balance,
        reason=line.reason,
        created_at=line.created_at,
    )
