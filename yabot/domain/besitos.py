"""Deciding movements of besitos. A balance is the sum of its ledger and never below zero."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from yabot.domain import commands as c
from yabot.domain.decision import Decision, LedgerEntry, Rejected
from yabot.domain.events import BesitosAdded, BesitosSpent
from yabot.domain.user import User
from yabot.domain.values import Instant

DAILY_REST = timedelta(hours=12)

MOST_BESITOS = 1_000_000_000
"""What one purse can hold, with what it holds ready for gifts that may come back."""


def move(user: User, command: c.MoveBesitos, now: Instant) -> Decision | Rejected:
    """Add or spend an amount that is not zero."""
    return transfer(user, command.amount, command.reason)


def claim_daily(user: User, command: c.ClaimDaily, now: Instant) -> Decision | Rejected:
    """Give the daily gift once per calendar day where the user lives.

    Moving to another time zone brings no second gift: two are never closer than DAILY_REST.
    """
    zone = ZoneInfo(user.document.preferences.time_zone)
    last = user.document.last_daily
    if last is not None and (_day(last, zone) >= _day(now, zone) or now - last < DAILY_REST):
        return Rejected("daily_taken", "daily_taken")
    return transfer(user.with_document(last_daily=now), command.amount, "daily")


def transfer(user: User, amount: int, reason: str) -> Decision | Rejected:
    """Move `amount` in (positive) or out (negative) of the purse."""
    balance = user.balance + amount
    if amount == 0:
        return Rejected("amount_zero", "amount_zero", status=422)
    if balance < 0:
        params = {"balance": user.balance, "price": -amount}
        return Rejected("besitos_insufficient", "besitos_insufficient", params=params)
    if balance + user.held > MOST_BESITOS:
        return Rejected("purse_full", "purse_full")
    event: BesitosAdded | BesitosSpent
    if amount > 0:
        event = BesitosAdded(amount=amount, balance=balance, reason=reason)
    else:
        event = BesitosSpent(amount=-amount, balance=balance, reason=reason)
    return Decision(
        user.model_copy(update={"balance": balance}),
        ledger=(LedgerEntry(amount, balance, reason),),
        events=(event,),
    )


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).date().isoformat()
