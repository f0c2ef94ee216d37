"""Routes of a user's besitos: the balance, its movements, and moving some.

A movement needs an Idempotency-Key: repeated with the same key, it happens once.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field

from yabot.api.ledger import Ledger, LedgerLine
from yabot.api.route import (
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
from yabot.services.coordinator import CoordinatorService
from yabot.services.users import UserService

TRANSACTIONS = f"{USER}/besitos/transactions"
PAGE = 20
LARGEST_PAGE = 100


def _integral(value: object) -> object:
    """JSON has one kind of number, so 16.0 is the integer 16."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Balance(Output):
    """What is in a purse."""

    user_id: str
    balance: int


class Movement(Input):
    """Besitos to add (positive) or to spend (negative), and why."""

    amount: Annotated[
        int,
        Field(strict=True, ge=-1_000_000_000, le=1_000_000_000),
        BeforeValidator(_integral),
    ]
    reason: Annotated[str, Field(min_length=1, max_length=64)]


class Moved(Output):
    """A movement that happened, and the balance after it."""

    user_id: str
    amount: int
    reason: str
    balance: int


class PageAsked(Input):
    """Which page of the ledger: `before` is the `next` of the page before it."""

    before: Annotated[int, Field(gt=0, lt=1 << 63)] | None = None
    limit: Annotated[int, Field(gt=0, le=LARGEST_PAGE)] = PAGE


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
    next: int | None


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
                  Nothing, Balance, self.get_balance),
            Route("GET", TRANSACTIONS, "list_transactions", "A user's movements, newest first",
                  PageAsked, Page, self.list_transactions),
            Route("POST", TRANSACTIONS, "create_transaction", "Add or spend besitos, once",
                  Movement, Moved, self.create_transaction, status=201, idempotency="required"),
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
        limit = asked.input.limit
        lines = await self._ledger.page(asked.user_id, before=asked.input.before, limit=limit + 1)
        shown = lines[:limit]
        after = shown[-1].id if len(lines) > limit else None
        page = Page(items=[_line(line) for line in shown], next=after)
        if after is None:
            return Reply(page)
        path = TRANSACTIONS.format(user_id=asked.user_id)
        link = f'<{path}?before={after}&limit={limit}>; rel="next"'
        return Reply(page, headers={"Link": link})

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

        done = await self._coordinator.process_besitos_transaction(
            asked.user_id, movement.amount, reason=movement.reason, once=asked.once
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
