"""From a reaction to its hint: in order, once, gone on from anywhere, taken back when refused."""

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.strategies import NOON, newcomer
from tests.domain.test_narrative import at, yes
from yabot.domain import commands as c
from yabot.domain.besitos import MOST_BESITOS
from yabot.domain.decide import decide
from yabot.domain.decision import Decision, Notice, Rejected
from yabot.domain.events import (
    BesitosAdded,
    BesitosSpent,
    Event,
    NarrativeHintUnlocked,
    ReactionDetected,
)
from yabot.domain.user import User

HINT = c.Hint(id="llave", text="bajo el felpudo", press="77")
REACT = c.React(content_id="horno", reaction="heart", reward=5, hint=HINT)
VIP_ONLY = REACT.model_copy(update={"hint": HINT.model_copy(update={"vip_required": True})})
NOTED = ReactionDetected(
    content_id="horno", reaction_type="heart", metadata={"current_fragment": "horno"}
)
PAID = BesitosAdded(amount=5, balance=5, reason="reaction:horno")


def step(decision: Decision) -> c.Command:
    """The one command that a step leaves."""
    (left,) = decision.commands
    assert (left.user_id, left.due_at) == ("1", NOON)
    return left.command


def all_steps(user: User, command: c.React) -> list[Decision]:
    """Every step, one after the other."""
    noted = yes(user, command)
    rewarded = yes(noted.user, step(noted))
    return [noted, rewarded, yes(rewarded.user, step(rewarded))]


def test_a_reaction_its_reward_and_its_hint_come_in_the_order_of_the_promise() -> None:
    noted, rewarded, unlocked = all_steps(at("horno"), REACT)
    assert noted.events == (NOTED,)
    assert noted.user.balance == 0
    assert rewarded.events == (PAID,)
    assert rewarded.user.progress.unlocked_hints == ()
    assert unlocked.events == (NarrativeHintUnlocked(hint="llave"),)
    assert unlocked.user.progress.unlocked_hints == ("llave",)
    assert unlocked.user.balance == 5
    assert unlocked.user.document.reactions == ()


def test_the_last_step_answers_the_press_that_waits() -> None:
    *before, unlocked = all_steps(at("horno"), REACT)
    assert [decision.notices for decision in before] == [(), ()]
    assert unlocked.notices == (Notice("hint_unlocked", {"hint": HINT.text}, press="77"),)


def test_a_hint_that_is_refused_takes_the_reward_back() -> None:
    _, rewarded, refused = all_steps(at("horno"), VIP_ONLY)
    assert rewarded.user.balance == 5
    undone = BesitosSpent(amount=5, balance=0, reason="reaction:horno:undone")
    assert refused.events == (undone,)
    assert refused.user.progress.unlocked_hints == ()
    assert refused.user.document.reactions == ()
    assert refused.notices == (Notice("vip_required", press="77"),)


def test_after_a_refusal_the_way_can_be_gone_again() -> None:
    refused = all_steps(at("horno"), VIP_ONLY)[-1]
    vip = yes(refused.user, c.SetSubscription(plan="vip", end_date=NOON + timedelta(days=1)))
    assert all_steps(vip.user, VIP_ONLY)[-1].user.progress.unlocked_hints == ("llave",)


def test_what_was_spent_in_between_is_forgiven() -> None:
    noted = yes(at("horno"), VIP_ONLY)
    rewarded = yes(noted.user, step(noted))
    poorer = yes(rewarded.user, c.MoveBesitos(amount=-3, reason="hat")).user
    refused = yes(poorer, step(rewarded))
    assert refused.user.balance == 0
    broke = yes(refused.user, step(rewarded))
    assert broke.ledger == ()


def test_a_full_purse_is_paid_nothing_and_nothing_is_taken_back() -> None:
    full = at("horno").model_copy(update={"balance": MOST_BESITOS})
    _, rewarded, refused = all_steps(full, VIP_ONLY)
    assert rewarded.ledger == refused.ledger == ()
    assert refused.user.balance == MOST_BESITOS


def test_a_second_reaction_while_the_first_is_under_way_is_only_noted() -> None:
    noted = yes(at("horno"), REACT)
    again = yes(noted.user, REACT)
    assert again.events == (NOTED,)
    assert again.commands == ()
    assert again.user == noted.user


def test_a_reaction_to_a_known_hint_is_only_noted() -> None:
    unlocked = all_steps(at("horno"), REACT)[-1].user
    again = yes(unlocked, REACT)
    assert (again.events, again.commands) == ((NOTED,), ())
    assert again.user == unlocked


def test_a_reaction_to_a_fragment_without_a_hint_is_only_noted() -> None:
    outcome = yes(at("plaza"), c.React(content_id="plaza", reaction="fire"))
    assert [event.name for event in outcome.events] == ["reaction_detected"]
    assert (outcome.ledger, outcome.commands) == ((), ())


@pytest.mark.parametrize("where", ["faro", "luz"])
def test_a_reaction_to_a_fragment_never_reached_is_refused(where: str) -> None:
    outcome = decide(at("plaza"), c.React(content_id=where, reaction="heart"), NOON)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "fragment_not_reached"


@given(st.integers(0, 2**32))
def test_steps_that_come_again_or_out_of_turn_do_nothing(seed: int) -> None:
    rng = random.Random(seed)
    known: list[c.Command] = [
        REACT,
        c.RewardReaction(content_id="horno", reward=5, hint=HINT),
        c.UnlockHint(content_id="horno", paid=5, hint=HINT),
    ]
    user, told = at("horno"), list[Event]()
    for _ in range(30):
        outcome = yes(user, rng.choice(known))
        user = outcome.user
        told += (event for event in outcome.events if event != NOTED)
    assert told == [PAID, NarrativeHintUnlocked(hint="llave")][: len(told)]
    assert user.balance == (5 if told else 0)


def test_steps_of_somebody_new_do_nothing() -> None:
    for command in (
        c.RewardReaction(content_id="horno", reward=5, hint=HINT),
        c.UnlockHint(content_id="horno", paid=5, hint=HINT),
    ):
        assert decide(newcomer(), command, NOON) == Decision(newcomer())
