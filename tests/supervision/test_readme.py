"""What the README draws is what the tables say."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import pytest

import supervision
from supervision._breaker_table import TRANSITIONS, BreakerState, Event
from supervision._diagram import diagram
from supervision._life import LIFE, Status, Step

README = (Path(supervision.__file__).parent / "README.md").read_text()


@pytest.mark.parametrize(
    ("heading", "drawn"),
    [("A child's life", diagram(LIFE)), ("The breaker's states", diagram(TRANSITIONS))],
)
def test_a_state_diagram_is_drawn_from_its_table(heading: str, drawn: str) -> None:
    section = README.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    shown = "\n".join(line[4:] for line in section.splitlines() if line.startswith("    "))
    assert shown == drawn


@pytest.mark.parametrize("table", [LIFE, TRANSITIONS])
def test_a_diagram_shows_every_way_and_no_other(table: Mapping[tuple[Enum, Enum], Enum]) -> None:
    shown = set(diagram(table).splitlines())
    known = set()
    for (state, event), target in table.items():
        ways = {f"{source} ── {event.value} ──▶ {target.value}" for source in (state.value, "any")}
        assert len(ways & shown) == 1
        known |= ways
    assert shown <= known


def test_orders_lead_from_every_state_of_a_breaker_and_nothing_else_out_of_an_ordered_one() -> None:
    orders = {event for event in Event if event.value.startswith("ordered")}
    assert {way for way in TRANSITIONS if way[1] in orders} == {
        (state, order) for state in BreakerState for order in orders
    }
    ordered = {BreakerState.FORCED_OPEN, BreakerState.FORCED_CLOSED, BreakerState.DISABLED}
    assert not [way for way in TRANSITIONS if way[0] in ordered and way[1] not in orders]


def test_a_child_that_has_ended_begins_again_only_anew() -> None:
    for ended in (Status.DONE, Status.DOWN):
        assert {step for state, step in LIFE if state is ended} == {Step.ANEW, Step.STOPS}
