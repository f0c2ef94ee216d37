"""The table of publishers says the truth, and covers every event that the contract names."""

from datetime import timedelta

import pytest
from hypothesis import given

from tests.domain.strategies import NOON, steps
from tests.fakes import MemoryStores
from tests.users.test_actor import arrive, nothing, users
from tests.waiting import until
from yabot.domain import commands as c
from yabot.domain import gift_commands as g
from yabot.domain.decide import DECIDERS, decide
from yabot.domain.decision import Decision
from yabot.domain.events import EVENTS
from yabot.domain.user import User
from yabot.domain.values import Value
from yabot.events.publishers import GIVEN_UP, PUBLISHERS, UPDATE

CONTRACT = (
    "user_registered",
    "user_interaction",
    "update_received",
    "reaction_detected",
    "decision_made",
    "subscription_updated",
    "besitos_added",
    "besitos_spent",
    "vip_access_granted",
    "narrative_hint_unlocked",
    "user_deleted",
    "handler_completed",
)
"""The events that other services were promised."""

ENDS = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=2)

REGISTER = c.RegisterUser(telegram_user_id=7)
BEGIN = c.EnterFragment(fragment="start")
RICH = c.MoveBesitos(amount=50, reason="gift")
VIP = c.SetSubscription(plan="vip")

KEY = c.Hint(id="key")
ROOF_KEY = c.Hint(id="key", vip_required=True)
REWARDED: tuple[c.Command, ...] = (
    REGISTER,
    BEGIN,
    c.React(content_id="start", reaction="❤️", reward=5, hint=KEY),
    c.RewardReaction(content_id="start", reward=5, hint=KEY),
)
REWARDED_FOR_VIPS: tuple[c.Command, ...] = (
    *REWARDED[:2],
    c.React(content_id="start", reaction="❤️", reward=5, hint=ROOF_KEY),
    c.RewardReaction(content_id="start", reward=5, hint=ROOF_KEY),
)
UNLOCK = c.UnlockHint(content_id="start", paid=5, hint=KEY)
UNLOCK_FOR_VIPS = c.UnlockHint(content_id="start", paid=5, hint=ROOF_KEY)
GIVE = g.GiveBesitos(gift_id="a1", to="8", amount=5, name="Ana", limit=60)
PRESENT = g.ReceiveGift(gift_id="a1", giver="8", name="Ana", amount=5)

PUBLISHING: dict[tuple[str, str], tuple[c.Command, ...]] = {
    ("user_registered", "register_user"): (REGISTER,),
    ("user_interaction", "open_menu"): (REGISTER, c.OpenMenu(menu="shop")),
    ("user_interaction", "enter_fragment"): (REGISTER, BEGIN),
    ("preferences_updated", "change_preferences"): (REGISTER, c.ChangePreferences(language="en")),
    ("user_deactivated", "mark_inactive"): (REGISTER, c.MarkInactive(reason="blocked")),
    ("user_deleted", "delete_user"): (REGISTER, c.DeleteUser()),
    ("decision_made", "choose"): (
        REGISTER,
        BEGIN,
        c.Choose(fragment="start", choice="on", next_fragment="plaza"),
    ),
    ("reaction_detected", "react"): (REGISTER, BEGIN, c.React(content_id="start", reaction="❤️")),
    ("narrative_hint_unlocked", "unlock_hint"): (*REWARDED, UNLOCK),
    ("besitos_added", "move_besitos"): (REGISTER, RICH),
    ("besitos_added", "claim_daily"): (REGISTER, c.ClaimDaily(amount=10)),
    ("besitos_added", "enter_fragment"): (
        REGISTER,
        c.EnterFragment(fragment="start", reward=5),
    ),
    ("besitos_added", "choose"): (
        REGISTER,
        BEGIN,
        c.Choose(fragment="start", choice="on", next_fragment="plaza", reward=5),
    ),
    ("besitos_added", "reward_reaction"): REWARDED,
    ("besitos_added", "receive_gift"): (REGISTER, PRESENT),
    ("besitos_added", "refund_gift"): (
        REGISTER,
        RICH,
        GIVE,
        g.RefundGift(gift_id="a1", reason="unknown"),
    ),
    ("besitos_spent", "give_besitos"): (REGISTER, RICH, GIVE),
    ("besitos_spent", "unlock_hint"): (*REWARDED_FOR_VIPS, UNLOCK_FOR_VIPS),
    ("besitos_spent", "move_besitos"): (REGISTER, RICH, c.MoveBesitos(amount=-5, reason="hat")),
    ("besitos_spent", "buy_subscription"): (
        REGISTER,
        RICH,
        c.BuySubscription(plan="vip", price=50, days=30),
    ),
    ("subscription_updated", "buy_subscription"): (
        REGISTER,
        RICH,
        c.BuySubscription(plan="premium", price=20, days=30),
    ),
    ("subscription_updated", "set_subscription"): (REGISTER, VIP),
    ("subscription_updated", "expire_subscription"): (
        REGISTER,
        c.SetSubscription(plan="vip", end_date=ENDS),
        c.ExpireSubscription(end_date=ENDS),
    ),
    ("vip_access_granted", "check_vip"): (REGISTER, VIP, c.CheckVip(feature="terrace")),
    ("vip_access_granted", "choose"): (
        REGISTER,
        VIP,
        BEGIN,
        c.Choose(fragment="start", choice="up", next_fragment="roof", vip_required=True),
    ),
}
"""An event and the kind of a command that publishes it, and commands of which the last one does."""


def told(commands: tuple[c.Command, ...]) -> list[str]:
    """The names of the events of the last command; only an expiry comes later."""
    user: User | None = None
    names: list[str] = []
    for command in commands:
        moment = LATER if isinstance(command, c.ExpireSubscription) else NOON
        outcome = decide(user, command, moment)
        assert isinstance(outcome, Decision), outcome
        user, names = outcome.after, [event.name for event in outcome.events]
    return names


def test_every_event_of_the_contract_has_a_model_and_a_publisher() -> None:
    assert set(CONTRACT) <= set(EVENTS)
    assert set(PUBLISHERS) == set(EVENTS)
    assert all(PUBLISHERS.values())


def test_every_publisher_of_the_table_is_shown_to_publish() -> None:
    of_turns = {(name, by) for name in EVENTS for by in (UPDATE, GIVEN_UP)}
    table = {(name, by) for name, publishers in PUBLISHERS.items() for by in publishers}
    assert table - of_turns == set(PUBLISHING)


@pytest.mark.parametrize(("name", "kind"), PUBLISHING)
def test_the_command_publishes_the_event(name: str, kind: str) -> None:
    commands = PUBLISHING[name, kind]
    assert commands[-1].kind == kind
    assert name in told(commands)


@given(steps)
def test_no_command_publishes_what_the_table_does_not_say(
    drawn: list[tuple[c.Command, timedelta]],
) -> None:
    user, moment = None, NOON
    for command, pause in [(REGISTER, timedelta()), *drawn]:
        moment += pause
        outcome = decide(user, command, moment)
        if isinstance(outcome, Decision):
            user = outcome.after
            for event in outcome.events:
                assert command.kind in PUBLISHERS[event.name]


def test_every_kind_in_the_table_is_a_command() -> None:
    commands: list[type[Value]] = [*DECIDERS, c.RegisterUser]
    kinds = {model.model_fields["kind"].default for model in commands}
    named = {by for publishers in PUBLISHERS.values() for by in publishers}
    assert named - {UPDATE, GIVEN_UP} <= kinds


@pytest.mark.anyio
async def test_every_update_is_told_when_it_comes_and_when_it_is_handled() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        for mail in await arrive(stores, "hello"):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    names = [event.name for event in stores.users.commits[-1].events]
    assert names == ["update_received", "user_registered", "handler_completed"]
    of_updates = {name for name, publishers in PUBLISHERS.items() if publishers == (UPDATE,)}
    assert of_updates == {"update_received", "handler_completed"}


@pytest.mark.anyio
async def test_giving_an_update_up_is_told() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        for mail in await arrive(stores, "deadly"):
            directory.set_aside(mail, "killed")
        await until(lambda: not stores.inbox.backlog())
    names = [event.name for event in stores.users.commits[-1].events]
    assert names == [name for name, by in PUBLISHERS.items() if by == (GIVEN_UP,)]
