"""Whom a failure concerns besides the one who failed. Pure."""

from __future__ import annotations

from enum import Enum


class Strategy(Enum):
    """Which children are restarted together. The names are OTP's."""

    ONE_FOR_ONE = "one_for_one"
    """Only the one that failed: the children do not need one another."""
    ONE_FOR_ALL = "one_for_all"
    """All: each needs the others."""
    REST_FOR_ONE = "rest_for_one"
    """The one that failed and those started after it: each needs those before it."""


def affected(strategy: Strategy, failed: int, count: int) -> range:
    """The indices of the children to restart, in the order of their start."""
    first = 0 if strategy is Strategy.ONE_FOR_ALL else failed
    last = failed if strategy is Strategy.ONE_FOR_ONE else count - 1
    return range(first, last + 1)
