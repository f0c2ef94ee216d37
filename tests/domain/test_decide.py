"""Whatever is asked in whatever order, what is promised of every user holds."""

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given

from tests.domain.strategies import (
    NOON,
    commands,
    instants,
    newcomer,
    registrations,
    steps,
)
from yabot.domain import commands as c
from yabot.domain import events
from yabot.domain import gift_commands as g
from yabot.domain.decide import DECIDERS, decide
from yabot.domain.decision import Applied, Decision, Notice, Rejected
from yabot.domain.texts import TEXTS, say
from yabot.domain.user import GivenGift, User
from yabot.domain.values import Instant

COMMANDS = get_args(get_args(c.Command)[0])


def test_every_command_has_a_decider_and_no_other_class_has() -> None:
    assert set(COMMANDS) == {c.RegisterUser, *DECIDERS}


def test_every_command_says_its_kind_as_a_name_of_its_own() -> None:
    kinds = [command.model_fields["kind"].default for command in COMMANDS]
    assert len(set(kinds)) == len(kinds)


@given(commands)
def test_a_command_comes_back_from_json_as_it_was(command: c.Command) -> None:
    assert c.COMMAND.validate_json(c.COMMAND.dump_json(command)) == command


@given(commands, instants)
def test_nobody_registers_or_sends_a_gift_back_and_refuses_all_else(
    command: c.Command, now: Instant
) -> None:
    outcome = decide(None, command, now)
    if isinstance(command, c.RegisterUser):
        assert isinstance(outcome, Decision)
    elif isinstance(command, g.ReceiveGift | g.CancelGift):
        assert isinstance(outcome, Decision)
        assert outcome.after is None
        assert [left.command.kind for left in outcome.commands] == ["refund_gift"]
    else:
        assert outcome == Rejected("user_unknown", "user_unknown", status=404)


@given(steps)
def test_after_any_commands_every_promise_holds(steps: list[tuple[c.Command, timedelta]]) -> None:
    user, now, total = newcomer(), NOON, 0
    for command, later in steps:
        now += later
        before = user.model_dump_json()
        outcome = decide(user, command, now)
        assert user.model_dump_json() == before, "deciding changes nothing"
        assert decide(user, command, now) == outcome, "deciding is repeatable"
        if isinstance(outcome, Rejected):
            assert 400 <= outcome.status < 500
            for language in TEXTS:
                assert say(language, outcome.text, **outcome.params)
            continue
        if isinstance(command, c.DeleteUser):
            assert outcome == Decision(None, events=(events.UserDeleted(),))
            user, total = newcomer(now), 0
            continue
        for entry in outcome.ledger:
            total += entry.amount
            assert entry.amount != 0
            assert entry.balance == total
        user = outcome.user
        assert user.balance == total >= 0
        assert User.model_validate_json(user.model_dump_json()) == user, "what is stored is valid"
        for due in outcome.commands:
            assert due.due_at >= now
            assert c.COMMAND.validate_json(c.COMMAND.dump_json(due.command)) == due.command
        for event in outcome.events:
            assert type(event).model_validate_json(event.model_dump_json()) == event


@given(registrations, registrations, instants)
def test_registering_again_keeps_all_but_the_profile_and_tells_nobody(
    first: c.RegisterUser, again: c.RegisterUser, now: Instant
) -> None:
    created = decide(None, first, NOON)
    assert isinstance(created, Decision)
    same = again.model_copy(update={"telegram_user_id": first.telegram_user_id})
    once = decide(created.user, same, now)
    assert isinstance(once, Decision)
    assert (once.events, once.ledger, once.commands) == ((), (), ())
    assert once.user.document == created.user.document
    assert once.user.subscription == created.user.subscription
    assert once.user.profile.registration_date == NOON
    assert once.user.profile.last_login == now
    twice = decide(once.user, same, now)
    assert isinstance(twice, Decision)
    assert twice.user == once.user


@pytest.mark.parametrize(
    ("code", "default", "language"),
    [
        ("es", "en", "es"),
        ("es-MX", "en", "es"),
        ("EN", "es", "en"),
        ("en-GB", "es", "en"),
        ("pt", "es", "es"),
        ("pt", "en", "en"),
        (None, "en", "en"),
        ("", "es", "es"),
    ],
)
def test_a_newcomer_is_spoken_to_in_their_language_or_the_default(
    code: str | None, default: str, language: str
) -> None:
    assert newcomer(language_code=code, default_language=default).language == language


def test_a_newcomer_is_announced_once_with_what_others_need() -> None:
    command = c.RegisterUser(telegram_user_id=7, username="ana", language_code="en")
    outcome = decide(None, command, NOON)
    assert isinstance(outcome, Decision)
    assert outcome.events == (
        events.UserRegistered(telegram_user_id=7, username="ana", language="en"),
    )
    assert (outcome.user.user_id, outcome.user.balance) == ("7", 0)
    assert outcome.user.subscription.plan_type == "free"


def test_one_who_blocked_the_bot_is_active_again_with_their_next_message() -> None:
    gone = decide(newcomer(), c.MarkInactive(reason="blocked"), NOON)
    assert isinstance(gone, Decision)
    assert not gone.user.profile.is_active
    assert gone.events == (events.UserDeactivated(reason="blocked"),)
    again = decide(gone.user, c.MarkInactive(reason="blocked"), NOON)
    assert again == Decision(gone.user)
    back = decide(gone.user, c.RegisterUser(telegram_user_id=1), NOON)
    assert isinstance(back, Decision)
    assert back.user.profile.is_active


def test_a_deletion_leaves_nobody_and_tells_nothing_of_who_it_was() -> None:
    gone = decide(newcomer(), c.DeleteUser(), NOON)
    assert gone == Decision(None, events=(events.UserDeleted(),))
    assert events.UserDeleted().model_dump() == {}
    for outcome in (gone, Applied(None)):
        assert isinstance(outcome, Decision | Applied)
        with pytest.raises(LookupError, match="deleted by this very command"):
            _ = outcome.user


def test_a_patch_of_nothing_changes_nothing() -> None:
    user = newcomer()
    for command in (c.PatchState(), c.UpdateProfile()):
        assert decide(user, command, NOON) == Decision(user)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "a\0b"])
def test_a_time_zone_that_does_not_exist_is_refused(zone: str) -> None:
    outcome = decide(newcomer(), c.ChangePreferences(time_zone=zone), NOON)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.status) == ("time_zone_unknown", 422)


def test_who_wants_no_notices_is_told_nothing_from_outside() -> None:
    told = decide(newcomer(), c.Tell(text="hello"), NOON)
    assert isinstance(told, Decision)
    assert told.notices == (Notice("told", {"text": "hello"}),)
    quiet = decide(newcomer(), c.ChangePreferences(notifications_enabled=False), NOON)
    assert isinstance(quiet, Decision)
    refused = decide(quiet.user, c.Tell(text="hello"), NOON)
    assert isinstance(refused, Rejected)
    assert refused.code == "notifications_off"


def test_what_was_under_way_elsewhere_is_not_under_way_here() -> None:
    given = GivenGift(gift_id="a1", to="2", amount=5)
    kept = newcomer().with_document(gifts_given=(given,)).document
    moved = decide(None, c.RegisterUser(telegram_user_id=1, kept=kept), NOON)
    assert isinstance(moved, Decision)
    assert moved.user.held == 0


def test_conversations_are_bounded_and_an_empty_one_is_removed() -> None:
    user = newcomer()
    for number in range(20):
        outcome = decide(user, c.SetConversation(key=str(number), state="asking"), NOON)
        assert isinstance(outcome, Decision)
        user = outcome.user
    assert isinstance(decide(user, c.SetConversation(key="20", state="asking"), NOON), Rejected)
    replaced = decide(user, c.SetConversation(key="3", data={"n": 1}), NOON)
    assert isinstance(replaced, Decision)
    assert replaced.user.document.conversations["3"].data == {"n": 1}
    removed = decide(user, c.SetConversation(key="3"), NOON)
    assert isinstance(removed, Decision)
    assert "3" not in removed.user.document.conversations


def test_a_menu_that_does_not_exist_is_refused() -> None:
    outcome = decide(newcomer(), c.OpenMenu(menu="cellar"), NOON)
    assert isinstance(outcome, Rejected)
    assert outcome.code == "menu_unknown"
