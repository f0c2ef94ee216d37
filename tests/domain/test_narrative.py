"""A way through the story is remembered step by step, and each reward is earned once."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import NOON, newcomer
from yabot.domain import commands as c
from yabot.domain.besitos import MOST_BESITOS
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, Rejected
from yabot.domain.events import (
    BesitosAdded,
    DecisionMade,
    VipAccessGranted,
)
from yabot.domain.user import CHOICES_KEPT, Choice, User


def yes(user: User, command: c.Command) -> Decision:
    outcome = decide(user, command, NOON)
    assert isinstance(outcome, Decision), outcome
    return outcome


def at(fragment: str) -> User:
    return yes(newcomer(), c.EnterFragment(fragment=fragment)).user


def go(there: str, *, here: str = "start", **more: object) -> c.Choose:
    facts = {"fragment": here, "choice": "on", "next_fragment": there, **more}
    return c.Choose.model_validate(facts)


def test_a_choice_leads_on_and_is_told() -> None:
    taken = yes(at("start"), go("plaza"))
    progress = taken.user.progress
    assert progress.current_fragment == "plaza"
    assert progress.completed_fragments == ("start",)
    assert progress.choices_made == (Choice(fragment="start", choice="on"),)
    assert taken.events == (
        DecisionMade(
            fragment="start",
            choice="on",
            next_fragment="plaza",
            context={"current_fragment": "start", "first_visit": True},
        ),
    )


def test_a_choice_of_a_fragment_never_reached_is_refused() -> None:
    outcome = decide(at("start"), go("luz", here="linterna"), NOON)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "fragment_not_reached"


def test_an_older_message_still_works_and_the_story_goes_on_from_there() -> None:
    user = yes(yes(at("start"), go("plaza")).user, go("faro", here="plaza")).user
    back = yes(user, go("carta", here="start")).user
    assert back.progress.current_fragment == "carta"
    assert back.progress.completed_fragments == ("start", "plaza", "faro")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), max_size=40))
def test_each_choice_is_recorded_exactly_once_and_in_order(ways: list[tuple[str, int]]) -> None:
    user, here = at("start"), "start"
    expected = []
    for there, number in ways:
        user = yes(user, go(there, here=here, choice=f"c{number}")).user
        expected.append(Choice(fragment=here, choice=f"c{number}"))
        here = there
    assert user.progress.choices_made == tuple(expected)
    assert len(set(user.progress.completed_fragments)) == len(user.progress.completed_fragments)


def test_a_document_remembers_the_newest_choices_up_to_a_bound() -> None:
    user = at("start")
    for number in range(CHOICES_KEPT + 5):
        user = yes(user, go("start", choice=f"c{number}")).user
    assert len(user.progress.choices_made) == CHOICES_KEPT
    assert user.progress.choices_made[-1].choice == f"c{CHOICES_KEPT + 4}"
    assert user.progress.choices_made[0].choice == "c5"


def test_a_reward_is_earned_on_the_first_visit_only() -> None:
    first = yes(at("start"), go("plaza", reward=7))
    assert first.user.balance == 7
    assert BesitosAdded(amount=7, balance=7, reason="story:plaza") in first.events
    away = yes(first.user, go("start", here="plaza")).user
    again = yes(away, go("plaza", reward=7))
    assert again.user.balance == 7
    assert again.ledger == ()


def test_resuming_a_fragment_earns_its_reward_no_second_time() -> None:
    user = yes(newcomer(), c.EnterFragment(fragment="plaza", reward=7)).user
    assert user.balance == 7
    assert yes(user, c.EnterFragment(fragment="plaza", reward=7)).user == user


def test_a_full_purse_stays_full_and_the_story_goes_on() -> None:
    user = at("start").model_copy(update={"balance": MOST_BESITOS})
    taken = yes(user, go("plaza", reward=7))
    assert taken.user.balance == MOST_BESITOS
    assert taken.user.progress.current_fragment == "plaza"
    assert taken.ledger == ()


def test_vip_fragments_open_for_vips_only() -> None:
    user = at("start")
    ways: list[c.Command] = [
        go("azotea", vip_required=True),
        c.EnterFragment(fragment="azotea", vip_required=True),
    ]
    for way in ways:
        outcome = decide(user, way, NOON)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.status) == ("vip_required", 403)
    vip = yes(user, c.SetSubscription(plan="vip", end_date=NOON + timedelta(days=1))).user
    entered = yes(vip, ways[0])
    assert VipAccessGranted(feature="azotea") in entered.events
    assert yes(vip, ways[1]).user.progress.current_fragment == "azotea"
