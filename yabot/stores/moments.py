"""Moments as whole microseconds since 1970 in UTC: exact, comparable in SQL, indexed as integers.

The rule: no floating point, because a command must never come a microsecond before it is due.
"""

from datetime import UTC, datetime, timedelta

from yabot.domain.values import Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(moment: Instant) -> int:
    """The microseconds of a moment."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_micros(micros: int) -> Instant:
    """The moment of so many microseconds, in UTC."""
    return EPOCH + timedelta(microseconds=micros)
