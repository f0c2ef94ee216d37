"""A table of transitions, drawn as text: the READMEs show it and a test compares. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

State = TypeVar("State", bound=Enum)
Event = TypeVar("Event", bound=Enum)


def diagram(table: Mapping[tuple[State, Event], State]) -> str:
    """A line for each transition; an event that leads from every state to one is drawn once."""
    states = dict.fromkeys(state for way in table.items() for state in (way[0][0], way[1]))
    lines = []
    for (state, event), target in table.items():
        everywhere = all(table.get((other, event)) is target for other in states)
        source = "any" if everywhere else str(state.value)
        lines.append(f"{source} ── {event.value} ──▶ {target.value}")
    return "\n".join(dict.fromkeys(lines))
