"""Every fact that others build on is published by the turn in which it becomes true."""

from collections.abc import Mapping

import pytest

from tests.fakes import MemoryStores
from tests.users.test_actor import REGISTER, arrive, users
from tests.waiting import until
from yabot.domain.commands import (
    CheckVip,
    Choose,
    Command,
    DeleteUser,
    EnterFragment,
    Hint,
    MoveBesitos,
    OpenMenu,
    React,
    RewardReaction,
    SetSubscription,
    UnlockHint,
)
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

VIP = SetSubscription(plan="vip")
EARN = MoveBesitos(amount=5, reason="gift")
KEY = Hint(id="key", text="under the mat")
BEGIN = EnterFragment(fragment="start")

PUBLISHED: Mapping[str, tuple[Command, ...]] = {
    "update_received": (),
    "handler_completed": (),
    "user_registered": (REGISTER,),
    "user_interaction": (REGISTER, OpenMenu(menu="shop")),
    "reaction_detected": (REGISTER, BEGIN, React(content_id="start", reaction="heart")),
    "decision_made": (
        REGISTER,
        BEGIN,
        Choose(fragment="start", choice="letter", next_fragment="letter"),
    ),
    "subscription_updated": (REGISTER, VIP),
    "besitos_added": (REGISTER, EARN),
    "besitos_spent": (REGISTER, EARN, MoveBesitos(amount=-5, reason="hat")),
    "vip_access_granted": (REGISTER, VIP, CheckVip(feature="terrace")),
    "narrative_hint_unlocked": (
        REGISTER,
        BEGIN,
        React(content_id="start", reaction="heart", reward=5, hint=KEY),
        RewardReaction(content_id="start", reward=5, hint=KEY),
        UnlockHint(content_id="start", paid=5, hint=KEY),
    ),
    "user_deleted": (REGISTER, DeleteUser()),
}
"""A fact, and what is asked of somebody unknown until it is one; the last command makes it so.

What needs no command is a fact of every update.
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def published(stores: MemoryStores) -> list[str]:
    return [event.name for commit in stores.users.commits for event in commit.events]


@pytest.mark.parametrize("name", PUBLISHED)
async def test_each_fact_is_published_by_the_commit_that_makes_it_true(name: str) -> None:
    stores = MemoryStores()

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        """Nothing to do."""

    async with users(stores, handle) as directory:
        *before, last = PUBLISHED[name] or (None,)
        for command in before:
            assert command is not None
            await directory.apply("7", command)
        assert name not in published(stores)
        if last is not None:
            await directory.apply("7", last)
        else:
            for mail in await arrive(stores, "hello"):
                directory.deliver(mail)
            await until(lambda: not stores.inbox.backlog())
    assert published(stores).count(name) == 1
    assert name in [event.name for event in stores.users.commits[-1].events]


async def test_a_reaction_its_reward_and_its_hint_are_told_in_that_order() -> None:
    stores = MemoryStores()

    async def unused(turn: Turn, update: Mapping[str, object]) -> None:
        raise AssertionError("no update comes")

    async with users(stores, unused) as directory:
        for command in PUBLISHED["narrative_hint_unlocked"]:
            await directory.apply("7", command)
    assert published(stores)[-3:] == [
        "reaction_detected",
        "besitos_added",
        "narrative_hint_unlocked",
    ]
