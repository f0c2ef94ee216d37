"""The judgement after any doubt: in doubt an event comes twice, never not at all."""

from hypothesis import given
from hypothesis import strategies as st

from yabot.events.bridge_levels import Place, level
from yabot.events.redis_append import Tip

PLACE = Place("5-1", 50)


def test_a_stream_that_ends_as_it_was_left_holds_all_that_was_delivered() -> None:
    assert level(PLACE, 80, Tip(added=True, last_id="5-1"), None) == 80
    assert level(PLACE, 30, Tip(added=True, last_id="5-1"), None) == 50


def test_a_stream_that_lost_its_end_holds_everything_up_to_its_newest_event() -> None:
    assert level(PLACE, 80, Tip(added=False, last_id="4-0", newest=b"e"), 40) == 40


def test_a_stream_with_more_than_is_remembered_holds_that_too() -> None:
    assert level(PLACE, 80, Tip(added=False, last_id="6-0", newest=b"e"), 90) == 90


def test_a_stream_that_is_gone_holds_nothing() -> None:
    assert level(PLACE, 80, Tip(added=False, last_id=""), None) == 0


def test_a_stream_that_never_held_anything_misses_nothing() -> None:
    assert level(Place(), 80, Tip(added=False, last_id="9-0", newest=b"x"), None) == 80


def test_somebody_elses_entries_behind_ours_change_nothing() -> None:
    tip = Tip(added=False, last_id="9-0", newest=b"x", holds=True)
    assert level(PLACE, 80, tip, None) == 80


def test_where_nothing_can_be_told_everything_is_sent_again() -> None:
    assert level(PLACE, 80, Tip(added=False, last_id="9-0", newest=b"x"), None) == 0
    assert level(PLACE, 80, Tip(added=False, last_id="1-0", newest=b"x"), None) == 0


@given(
    events=st.lists(st.booleans(), max_size=30),
    remembered=st.integers(0, 30),
    position=st.integers(0, 30),
    kept_by_server=st.integers(0, 30),
)
def test_whatever_the_server_kept_nothing_is_taken_for_there_that_is_not(
    events: list[bool], remembered: int, position: int, kept_by_server: int
) -> None:
    """One stream of two: `events` says which of the outbox's rows are its own."""
    ours = [seq for seq, is_ours in enumerate(events, start=1) if is_ours]
    position = min(position, len(events))
    remembered = max(min(remembered, len(events)), position)
    delivered = [seq for seq in ours if seq <= remembered]
    place = Place(f"{delivered[-1]}-0" if delivered else "", delivered[-1] if delivered else 0)
    stream = ours[:kept_by_server]
    last_id = f"{stream[-1]}-0" if stream else ""
    tip = Tip(added=last_id == place.last_id, last_id=last_id, newest=b"e" if stream else b"")
    held = level(place, position, tip, stream[-1] if stream else None)
    assert {seq for seq in ours if seq <= held} <= set(stream)
