"""Ordering: whatever comes in whatever order, each user's events are handled once and in order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yabot.events.ordering import Gap, Limits, Ordering, Place, Released

Item = tuple[str, int, int]
NOW = 100.0


def order(**limits: int) -> Ordering[Item]:
    return Ordering(Limits(patience=5.0, **limits))


def offer(
    ordering: Ordering[Item], sequence: int, *, user: str = "1", epoch: int = 1, now: float = NOW
) -> Released[Item]:
    return ordering.offer(user, Place(epoch, sequence), (user, epoch, sequence), now)


def sequences(released: Released[Item]) -> list[int]:
    return [sequence for _, _, sequence in released.ready]


def test_the_first_one_seen_is_where_a_user_begins() -> None:
    ordering = order()
    assert sequences(offer(ordering, 7)) == [7]
    assert sequences(offer(ordering, 8)) == [8]
    assert offer(ordering, 6) == Released(duplicate=True)


def test_what_comes_too_early_waits_for_what_is_missing() -> None:
    ordering = order()
    offer(ordering, 1)
    assert offer(ordering, 3) == Released()
    assert offer(ordering, 4) == Released()
    assert ordering.waiting == 2
    assert sequences(offer(ordering, 2)) == [2, 3, 4]
    assert ordering.waiting == 0
    assert ordering.next_due() is None


def test_what_comes_twice_is_dropped_whether_it_was_handled_or_waits() -> None:
    ordering = order()
    offer(ordering, 1)
    offer(ordering, 3)
    assert offer(ordering, 1).duplicate
    assert offer(ordering, 3).duplicate
    assert ordering.waiting == 1


def test_a_gap_that_stays_open_is_told_and_the_rest_goes_on() -> None:
    ordering = order()
    offer(ordering, 1)
    offer(ordering, 4)
    offer(ordering, 5, now=NOW + 1)
    assert ordering.next_due() == NOW + 5
    assert ordering.overdue(NOW + 4.9) == Released()
    released = ordering.overdue(NOW + 5)
    assert sequences(released) == [4, 5]
    assert released.gaps == (Gap("1", 1, 2, 3),)
    assert offer(ordering, 2).duplicate


def test_each_gap_has_a_time_of_its_own() -> None:
    ordering = order()
    offer(ordering, 1)
    offer(ordering, 3)
    offer(ordering, 5, now=NOW + 3)
    assert sequences(ordering.overdue(NOW + 5)) == [3]
    assert ordering.next_due() == NOW + 8
    assert ordering.overdue(NOW + 8).gaps == (Gap("1", 1, 4, 4),)


def test_a_newer_epoch_begins_anew_after_what_waited_of_the_older_one() -> None:
    ordering = order()
    offer(ordering, 1)
    offer(ordering, 3)
    released = offer(ordering, 9, epoch=2)
    assert released.ready == (("1", 1, 3), ("1", 2, 9))
    assert released.gaps == (Gap("1", 1, 2, 2),)
    assert offer(ordering, 4).duplicate
    assert sequences(offer(ordering, 10, epoch=2)) == [10]


def test_a_gap_of_one_user_holds_nobody_else_up() -> None:
    ordering = order()
    offer(ordering, 1, user="1")
    offer(ordering, 3, user="1")
    assert sequences(offer(ordering, 1, user="2")) == [1]
    assert sequences(offer(ordering, 2, user="2")) == [2]


def test_too_many_that_wait_for_one_user_give_the_gap_up() -> None:
    ordering = order(per_user=3)
    offer(ordering, 1)
    for sequence in (3, 5, 6):
        assert offer(ordering, sequence) == Released()
    released = offer(ordering, 7)
    assert sequences(released) == [3]
    assert released.gaps == (Gap("1", 1, 2, 2),)


def test_too_many_that_wait_in_all_give_the_first_gap_up() -> None:
    ordering = order(waiting=2)
    for user in "123":
        offer(ordering, 1, user=user)
    offer(ordering, 3, user="1")
    offer(ordering, 3, user="2")
    assert offer(ordering, 3, user="3").ready == (("1", 1, 3),)
    assert ordering.waiting == 2


def test_whoever_was_forgotten_goes_on_where_the_caller_says() -> None:
    ordering = order(remembered=2)
    for user in "123":
        offer(ordering, 4, user=user)
    assert ordering.unknown(["1", "2", "3", "1"]) == ["1"]
    ordering.begin("1", Place(1, 4))
    assert offer(ordering, 4, user="1").duplicate
    assert ordering.unknown(["2"]) == ["2"]


def test_whoever_has_a_gap_is_not_forgotten() -> None:
    ordering = order(remembered=1)
    offer(ordering, 1, user="1")
    offer(ordering, 3, user="1")
    for user in "2345":
        offer(ordering, 1, user=user)
    assert sequences(offer(ordering, 2, user="1")) == [2, 3]


@st.composite
def _arrivals(draw: st.DrawFn) -> tuple[list[Place], list[Place]]:
    """A user's events over some epochs as they were made, and as they come."""
    made: list[Place] = []
    for epoch in range(1, draw(st.integers(1, 3)) + 1):
        first = draw(st.integers(1, 5))
        made += [Place(epoch, first + n) for n in range(draw(st.integers(1, 12)))]
    kept = [place for place in made if draw(st.integers(0, 9)) > 0]
    repeated = draw(st.lists(st.sampled_from(made), max_size=10)) if kept else []
    arrivals = draw(st.permutations(kept + [place for place in repeated if place in kept]))
    return made, list(arrivals)


@given(_arrivals(), st.integers(1, 20))
def test_whatever_comes_is_handled_once_in_order_and_what_is_missing_is_told(
    given_: tuple[list[Place], list[Place]], per_user: int
) -> None:
    _, arrivals = given_
    ordering: Ordering[Place] = Ordering(Limits(per_user=per_user))
    ready: list[Place] = []
    gaps: list[Gap] = []
    for place in arrivals:
        released = ordering.offer("1", place, place, NOW)
        ready += released.ready
        gaps += released.gaps
        assert ordering.waiting <= per_user
    released = ordering.overdue(NOW + 5)
    ready += released.ready
    gaps += released.gaps
    assert ordering.waiting == 0
    assert ordering.next_due() is None
    assert ready == sorted(set(ready))
    told = {Place(gap.epoch, n) for gap in gaps for n in range(gap.first, gap.last + 1)}
    assert told.isdisjoint(ready)
    for before, after in itertools.pairwise(ready):
        if before.epoch == after.epoch:
            between = {Place(before.epoch, n) for n in range(before.sequence + 1, after.sequence)}
            assert between <= told


@given(_arrivals())
def test_what_comes_in_order_is_handled_as_it_comes(
    given_: tuple[list[Place], list[Place]],
) -> None:
    made, _ = given_
    ordering: Ordering[Place] = Ordering()
    for place in made:
        assert ordering.offer("1", place, place, NOW) == Released((place,))
        assert ordering.offer("1", place, place, NOW).duplicate


@given(st.permutations(range(2, 30)), st.data())
def test_a_shuffled_stream_without_losses_is_put_right_without_a_gap(
    shuffled: list[int], data: st.DataObject
) -> None:
    ordering: Ordering[int] = Ordering()
    handled = list(ordering.offer("1", Place(1, 1), 1, NOW).ready)
    for number in shuffled:
        released = ordering.offer("1", Place(1, number), number, NOW)
        assert not released.gaps
        handled += released.ready
        again = data.draw(st.sampled_from(range(1, 30)))
        if again in handled:
            assert ordering.offer("1", Place(1, again), again, NOW).duplicate
    assert handled == list(range(1, 30))


@pytest.mark.parametrize("lost", [2, 3])
def test_a_loss_at_the_end_of_an_epoch_is_no_gap(lost: int) -> None:
    """Nobody can know of what was last: it is no gap until something newer comes."""
    ordering = order()
    for sequence in range(1, 4):
        if sequence < lost:
            offer(ordering, sequence)
    assert ordering.next_due() is None
    assert offer(ordering, 1, epoch=2).gaps == ()
