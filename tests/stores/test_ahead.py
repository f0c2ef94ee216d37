"""Ahead: whose documents are to be brought, bounded, each user once."""

from yabot.stores.ahead import Ahead


def test_a_user_stands_in_line_once_however_often_they_move_on() -> None:
    ahead = Ahead()
    ahead.note([("1", 1), ("2", 1), ("1", 2)], 10.0)
    ahead.note([("1", 3)], 11.0)
    assert ahead.beyond(0, 10) == [("1", 1), ("2", 2)]
    assert ahead.first is not None
    assert (ahead.first.version, ahead.first.since) == (3, 10.0)


def test_who_moved_on_while_their_document_was_brought_goes_to_the_end_of_the_line() -> None:
    ahead = Ahead()
    ahead.note([("1", 1), ("2", 1)], 0.0)
    ahead.note([("1", 2)], 1.0)
    ahead.settle("1", 1, 2.0)
    assert ahead.beyond(0, 10) == [("2", 2), ("1", 3)]
    ahead.settle("1", 2, 3.0)
    assert ahead.beyond(0, 10) == [("2", 2)]


def test_an_older_version_that_is_told_late_changes_nothing() -> None:
    ahead = Ahead()
    ahead.note([("1", 5)], 0.0)
    ahead.note([("1", 4)], 0.0)
    ahead.settle("1", 5, 1.0)
    assert len(ahead) == 0


def test_what_does_not_fit_is_missed_and_not_kept() -> None:
    ahead = Ahead(most=2)
    ahead.note([("1", 1), ("2", 1)], 0.0)
    before = ahead.missed
    ahead.note([("3", 1), ("1", 2)], 0.0)
    assert (before, ahead.missed) == (False, True)
    assert [user for user, _ in ahead.beyond(0, 10)] == ["1", "2"]


def test_a_page_begins_after_what_is_in_hand() -> None:
    ahead = Ahead()
    ahead.note([(str(n), 1) for n in range(1, 6)], 0.0)
    assert ahead.beyond(2, 2) == [("3", 3), ("4", 4)]
