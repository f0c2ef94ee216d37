"""What one turn may leave has a bound, and what it looks like while it goes on."""

from datetime import timedelta

import pytest

from tests.domain.strategies import NOON, newcomer
from tests.fakes import MemoryStores
from yabot.domain.commands import MoveBesitos
from yabot.domain.events import UserInteraction
from yabot.errors import TurnClosed
from yabot.users.ports import Stored
from yabot.users.turn import CALLS_PER_TURN, EVENTS_PER_TURN, Turn

LATER = NOON + timedelta(hours=1)


@pytest.fixture
def turn() -> Turn:
    stored = Stored(newcomer(), 3)
    return Turn(key="k", user_id="1", now=LATER, stored=stored, store=MemoryStores().users)


def test_a_turn_leaves_so_many_calls_and_no_more(turn: Turn) -> None:
    for _ in range(CALLS_PER_TURN):
        turn.record("chat:1", "sendMessage", b"{}")
    with pytest.raises(TurnClosed, match="later"):
        turn.record("chat:1", "sendMessage", b"{}")
    assert len(turn.to_commit().calls) == CALLS_PER_TURN


def test_a_turn_leaves_so_many_events_and_no_more(turn: Turn) -> None:
    for n in range(EVENTS_PER_TURN):
        turn.emit(UserInteraction(action=str(n)))
    with pytest.raises(TurnClosed, match="later"):
        turn.emit(UserInteraction(action="one too many"))
    assert len(turn.to_commit().events) == EVENTS_PER_TURN


def test_a_user_is_seen_at_the_moment_of_the_turn_with_each_change(turn: Turn) -> None:
    seen = turn.seen
    assert seen is not None
    assert seen.document.updated_at == LATER
    assert turn.seen is seen
    turn.apply(MoveBesitos(amount=3, reason="test"))
    changed = turn.seen
    assert changed is not None
    assert changed.balance == seen.balance + 3
    assert turn.to_commit().after is changed
