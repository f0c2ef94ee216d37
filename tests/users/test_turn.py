"""What one turn may leave has a bound, and what it looks like while it goes on."""

from datetime import timedelta

import pytest

from tests.domain.strategies import NOON, newcomer
from tests.fakes import MemoryStores
from yabot.domain.commands import MoveBesitos
from yabot.domain.events import HandlerCompleted, UserInteraction
from yabot.errors import TurnFull
from yabot.users.ports import Stored
from yabot.users.turn import CALLS_PER_TURN, EVENTS_PER_TURN, Turn

EARN = MoveBesitos(amount=3, reason="test")
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def turn() -> Turn:
    stored = Stored(newcomer(), 3)
    return Turn(key="k", user_id="1", now=LATER, stored=stored, store=MemoryStores().users)


def test_a_turn_leaves_so_many_calls_and_no_more(turn: Turn) -> None:
    for _ in range(CALLS_PER_TURN):
        turn.record("chat:1", "sendMessage", b"{}")
    with pytest.raises(TurnFull, match="later"):
        turn.record("chat:1", "sendMessage", b"{}")
    assert len(turn.to_commit().calls) == CALLS_PER_TURN


def test_a_turn_leaves_so_many_events_and_no_more(turn: Turn) -> None:
    for n in range(EVENTS_PER_TURN):
        turn.emit(UserInteraction(action=str(n)))
    with pytest.raises(TurnFull, match="later"):
        turn.emit(UserInteraction(action="one too many"))
    with pytest.raises(TurnFull, match="later"):
        turn.apply(EARN)
    turn.note(HandlerCompleted(update_type="message", replies=0))
    commit = turn.to_commit()
    assert len(commit.events) == EVENTS_PER_TURN + 1
    assert commit.ledger == ()


def test_the_events_of_commands_count(turn: Turn) -> None:
    for _ in range(EVENTS_PER_TURN):
        turn.apply(EARN)
    with pytest.raises(TurnFull, match="later"):
        turn.apply(EARN)
    assert len(turn.to_commit().events) == EVENTS_PER_TURN


def test_a_user_is_seen_at_the_moment_of_the_turn_with_each_change(turn: Turn) -> None:
    seen = turn.seen
    assert seen is not None
    assert seen.document.updated_at == LATER
    assert turn.seen is seen
    turn.apply(EARN)
    changed = turn.seen
    assert changed is not None
    assert changed.balance == seen.balance + 3
    assert turn.to_commit().after is changed
