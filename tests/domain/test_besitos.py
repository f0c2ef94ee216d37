"""Besitos are never lost, never made from nothing, and a purse is never below zero."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.domain.strategies import NOON, newcomer
from yabot.domain import commands as c
from yabot.domain.besitos import DAILY_REST, MOST_BESITOS
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, LedgerEntry, Rejected
from yabot.domain.events import BesitosAdded, BesitosSpent
from yabot.domain.user import User


def with_balance(balance: int) -> User:
    return newcomer().model_copy(update={"balance": balance})


@given(st.integers(0, MOST_BESITOS), st.integers(-MOST_BESITOS, MOST_BESITOS))
@example(MOST_BESITOS - 1, 1)
@example(MOST_BESITOS, 1)
@example(5, -5)
@example(4, -5)
def test_a_movement_happens_exactly_when_the_purse_can_hold_it(balance: int, amount: int) -> None:
    outcome = decide(with_balance(balance), c.MoveBesitos(amount=amount, reason="x"), NOON)
    if amount != 0 and 0 <= balance + amount <= MOST_BESITOS:
        assert isinstance(outcome, Decision)
        assert outcome.user.balance == balance + amount
        assert outcome.ledger == (LedgerEntry(amount, balance + amount, "x"),)
    else:
        assert isinstance(outcome, Rejected)


@pytest.mark.parametrize(
    ("balance", "amount", "code", "status"),
    [
        (0, 0, "amount_zero", 422),
        (4, -5, "besitos_insufficient", 409),
        (MOST_BESITOS, 1, "purse_full", 409),
    ],
)
def test_a_movement_that_can_not_be_says_why(
    balance: int, amount: int, code: str, status: int
) -> None:
    outcome = decide(with_balance(balance), c.MoveBesitos(amount=amount, reason="x"), NOON)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.status) == (code, status)


def test_adding_and_spending_are_told_as_what_they_are() -> None:
    added = decide(with_balance(1), c.MoveBesitos(amount=4, reason="gift"), NOON)
    spent = decide(with_balance(5), c.MoveBesitos(amount=-4, reason="hat"), NOON)
    assert isinstance(added, Decision)
    assert isinstance(spent, Decision)
    assert added.events == (BesitosAdded(amount=4, balance=5, reason="gift"),)
    assert spent.events == (BesitosSpent(amount=4, balance=1, reason="hat"),)


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=30)), max_size=30))
def test_the_daily_gift_comes_once_per_day(pauses: list[timedelta]) -> None:
    user, now = newcomer(), NOON
    taken: list[datetime] = []
    for pause in pauses:
        now += pause
        outcome = decide(user, c.ClaimDaily(amount=10), now)
        due = not taken or (now.date() > taken[-1].date() and now - taken[-1] >= DAILY_REST)
        assert isinstance(outcome, Decision) == due
        if isinstance(outcome, Decision):
            user = outcome.user
            taken.append(now)
    assert user.balance == 10 * len(taken)


def test_moving_to_another_time_zone_brings_no_second_gift() -> None:
    taken = decide(newcomer(), c.ClaimDaily(amount=10), NOON)
    assert isinstance(taken, Decision)
    moved = decide(taken.user, c.ChangePreferences(time_zone="Pacific/Kiritimati"), NOON)
    assert isinstance(moved, Decision)
    assert isinstance(decide(moved.user, c.ClaimDaily(amount=10), NOON), Rejected)


@pytest.mark.parametrize(
    ("zone", "given_at", "next_day"),
    [
        ("UTC", datetime(2026, 3, 1, 11, 59, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        (
            "America/Bogota",
            datetime(2026, 3, 1, 16, 59, tzinfo=UTC),
            datetime(2026, 3, 2, 5, tzinfo=UTC),
        ),
        (
            "Asia/Tokyo",
            datetime(2026, 3, 1, 2, 59, tzinfo=UTC),
            datetime(2026, 3, 1, 15, tzinfo=UTC),
        ),
    ],
)
def test_a_day_begins_at_midnight_where_the_user_lives(
    zone: str, given_at: datetime, next_day: datetime
) -> None:
    moved = decide(newcomer(), c.ChangePreferences(time_zone=zone), NOON)
    assert isinstance(moved, Decision)
    taken = decide(moved.user, c.ClaimDaily(amount=10), given_at)
    assert isinstance(taken, Decision)
    just_before = next_day - timedelta(microseconds=1)
    assert isinstance(decide(taken.user, c.ClaimDaily(amount=10), just_before), Rejected)
    assert isinstance(decide(taken.user, c.ClaimDaily(amount=10), next_day), Decision)


def test_a_gift_that_does_not_fit_the_purse_is_not_used_up() -> None:
    full = with_balance(MOST_BESITOS)
    outcome = decide(full, c.ClaimDaily(amount=10), NOON)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "purse_full"
    emptied = full.model_copy(update={"balance": 0})
    assert isinstance(decide(emptied, c.ClaimDaily(amount=10), NOON), Decision)
