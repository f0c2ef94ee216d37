"""How well something is, and how well a whole is of which the parts are known. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Health(Enum):
    """From good to bad."""

    OK = "OK"
    DEGRADED = "DEGRADED"
    """It works, with less than everything."""
    DOWN = "DOWN"
    """It does not work."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A health, and in a few words why it is no better."""

    health: Health
    reason: str = ""


WELL = Condition(Health.OK)

_ORDER = (Health.OK, Health.DEGRADED, Health.DOWN)


def worst(parts: Iterable[Health]) -> Health:
    """The worst of them; OK where there are none."""
    return max(parts, key=_ORDER.index, default=Health.OK)


def fold(parts: Iterable[tuple[Health, bool]]) -> Health:
    """The health of a whole from (health, critical) of its parts: a part that is not critical
    degrades the whole but does not bring it down."""
    return worst(
        Health.DEGRADED if health is Health.DOWN and not critical else health
        for health, critical in parts
    )
