"""Random users, commands and moments, as hypothesis draws them."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from yabot.domain import commands as c
from yabot.domain import gift_commands as g
from yabot.domain.decide import decide
from yabot.domain.decision import Decision
from yabot.domain.menus import MENUS
from yabot.domain.user import User

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
identifiers = st.text("abcXYZ019_.-", min_size=1, max_size=12)
languages = st.sampled_from(["es", "en"])
instants = st.timedeltas(timedelta(days=-60), timedelta(days=300)).map(NOON.__add__)
fragments = st.sampled_from(["start", "plaza", "faro", "azotea"])
amounts = st.integers(-60, 60)
rewards = st.integers(0, 30)
hints = st.builds(c.Hint, id=st.sampled_from(["key", "map"]), vip_required=st.booleans())
people = st.sampled_from(["1", "2", "3"])
gift_ids = st.sampled_from(["a1", "b2", "c3"])

registrations: SearchStrategy[c.RegisterUser] = st.builds(
    c.RegisterUser,
    telegram_user_id=st.integers(1, 2**52),
    username=st.none() | names,
    first_name=st.none() | names,
    last_name=st.none() | names,
    language_code=st.none() | st.sampled_from(["es", "en", "en-GB", "pt-BR", ""]),
    default_language=languages,
)

commands: SearchStrategy[c.Command] = st.one_of(
    st.builds(c.RegisterUser, telegram_user_id=st.just(1), first_name=st.none() | names),
    st.builds(c.OpenMenu, menu=st.sampled_from(sorted(MENUS)) | identifiers),
    st.builds(
        c.ChangePreferences,
        language=st.none() | languages,
        notifications_enabled=st.none() | st.booleans(),
        theme=st.none() | st.sampled_from(["default", "light", "dark"]),
        time_zone=st.none() | st.sampled_from(["UTC", "America/Bogota", "Mars/Olympus", ""]),
    ),
    st.builds(
        c.PatchState, menu_context=st.none() | identifiers, current_fragment=st.none() | fragments
    ),
    st.builds(c.EnterFragment, fragment=fragments, vip_required=st.booleans(), reward=rewards),
    st.builds(
        c.Choose,
        fragment=fragments,
        choice=identifiers,
        next_fragment=fragments,
        vip_required=st.booleans(),
        reward=rewards,
    ),
    st.builds(
        c.React,
        content_id=fragments,
        reaction=st.sampled_from(["heart", "❤️"]),
        reward=rewards,
        hint=st.none() | hints,
    ),
    st.builds(c.RewardReaction, content_id=fragments, reward=rewards, hint=hints),
    st.builds(c.UnlockHint, content_id=fragments, paid=rewards, hint=hints),
    st.builds(c.MoveBesitos, amount=amounts | st.integers(-(10**9), 10**9), reason=identifiers),
    st.builds(c.ClaimDaily, amount=st.integers(1, 50)),
    st.builds(
        c.BuySubscription,
        plan=st.sampled_from(["premium", "vip"]),
        price=st.integers(1, 60),
        days=st.integers(1, 3660),
    ),
    st.builds(
        c.SetSubscription,
        plan=st.sampled_from(["free", "premium", "vip"]),
        status=st.sampled_from(["active", "inactive", "cancelled", "expired"]),
        end_date=st.none() | instants,
    ),
    st.builds(c.ExpireSubscription, end_date=instants),
    st.builds(c.CheckVip, feature=identifiers),
    st.builds(
        c.UpdateProfile,
        username=st.none() | names,
        first_name=st.none() | names,
        last_name=st.none() | names,
        is_active=st.none() | st.booleans(),
    ),
    st.builds(c.MarkInactive, reason=names),
    st.builds(c.Tell, text=identifiers),
    st.builds(
        g.GiveBesitos,
        gift_id=gift_ids,
        to=people,
        amount=st.integers(1, 60),
        name=names,
        limit=st.integers(1, 86_400),
    ),
    st.builds(g.ReceiveGift, gift_id=gift_ids, giver=people, name=names, amount=st.integers(1, 60)),
    st.builds(g.CancelGift, gift_id=gift_ids, giver=people),
    st.builds(g.ForgetGift, gift_id=gift_ids),
    st.builds(g.GiftSettled, gift_id=gift_ids, receiver=people),
    st.builds(g.RefundGift, gift_id=gift_ids, reason=st.sampled_from(get_args(g.Refusal))),
    st.builds(g.CheckGift, gift_id=gift_ids, limit=st.integers(1, 86_400)),
    st.just(c.DeleteUser()),
    st.builds(
        c.SetConversation,
        key=st.integers(1, 30).map(str),
        state=st.none() | identifiers,
        data=st.dictionaries(
            identifiers, st.none() | st.booleans() | st.integers(0, 9), max_size=2
        ),
    ),
)

steps: SearchStrategy[list[tuple[c.Command, timedelta]]] = st.lists(
    st.tuples(commands, st.timedeltas(timedelta(0), timedelta(days=40))), max_size=40
)
"""Commands, and how long after the one before each comes."""


def newcomer(now: datetime = NOON, **facts: object) -> User:
    """A user who has just registered."""
    command = c.RegisterUser.model_validate({"telegram_user_id": 1, **facts})
    outcome = decide(None, command, now)
    assert isinstance(outcome, Decision)
    return outcome.user
