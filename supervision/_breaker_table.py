"""The states of a breaker and every way from one to another, as a table. Pure.

Rule: what is not in the table does not happen; the diagram in the README is drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class BreakerState(Enum):
    """What a breaker does with a call."""

    CLOSED = "closed"
    """Lets it through and counts it."""
    OPEN = "open"
    """Refuses it."""
    HALF_OPEN = "half_open"
    """Lets a few through to see whether all is well again."""
    FORCED_OPEN = "forced_open"
    """Refuses it, by order."""
    DISABLED = "disabled"
    """Lets it through and counts nothing, by order."""
    FORCED_CLOSED = "forced_closed"
    """Lets it through and counts it, but never opens, by order."""


class Event(Enum):
    """What makes a breaker change its state."""

    TRIPPED = "too many calls failed or were slow"
    WAITED = "the open time is over"
    RECOVERED = "the probes succeeded"
    RELAPSED = "a probe failed"
    FORCE_OPEN = "ordered to open"
    DISABLE = "ordered to let everything through"
    FORCE_CLOSE = "ordered to stay closed"
    RESET = "ordered back to normal"


_BY_ORDER = {
    Event.FORCE_OPEN: BreakerState.FORCED_OPEN,
    Event.DISABLE: BreakerState.DISABLED,
    Event.FORCE_CLOSE: BreakerState.FORCED_CLOSED,
    Event.RESET: BreakerState.CLOSED,
}

TRANSITIONS: Mapping[tuple[BreakerState, Event], BreakerState] = MappingProxyType(
    {
        (BreakerState.CLOSED, Event.TRIPPED): BreakerState.OPEN,
        (BreakerState.OPEN, Event.WAITED): BreakerState.HALF_OPEN,
        (BreakerState.HALF_OPEN, Event.RECOVERED): BreakerState.CLOSED,
        (BreakerState.HALF_OPEN, Event.RELAPSED): BreakerState.OPEN,
        **{(state, order): target for order, target in _BY_ORDER.items() for state in BreakerState},
    }
)
