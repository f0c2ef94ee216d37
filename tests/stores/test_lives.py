"""People come, change, are forgotten and come back in any order: tables and a model stay equal."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.running import Clock, query, running
from tests.stores.turns import commit_of, earn, registration
from yabot.domain.commands import (
    ChangePreferences,
    Command,
    DeleteUser,
    OpenMenu,
    SetSubscription,
    UpdateProfile,
)
from yabot.domain.user import User
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Stored

PEOPLE = ("1", "2", "3")

ODD_BALANCES = """
    SELECT user_id FROM wallets WHERE balance <>
        (SELECT sum(amount) FROM ledger WHERE ledger.user_id = wallets.user_id)"""
LIVING = "SELECT user_id FROM user_documents WHERE document IS NOT NULL ORDER BY user_id"
TOMBSTONES = "SELECT user_id FROM user_documents WHERE document IS NULL ORDER BY user_id"
PROFILES = "SELECT user_id FROM user_profiles ORDER BY user_id"
PLANS = "SELECT DISTINCT user_id FROM subscriptions ORDER BY user_id"
PSEUDONYMS = "SELECT coalesce(sum(balance), 0) FROM wallets WHERE user_id LIKE 'erased:%'"


@dataclass
class Model:
    """What should be stored; `closed` is what was in the purses of the forgotten."""

    people: dict[str, User | None] = field(default_factory=lambda: dict.fromkeys(PEOPLE))
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PEOPLE, 0))
    closed: int = 0


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.just(DeleteUser()),
    st.integers(1, 50).map(earn),
    st.sampled_from(["main_menu", "shop"]).map(lambda menu: OpenMenu(menu=menu)),
    st.sampled_from(["Eva", "Ana"]).map(lambda name: UpdateProfile(first_name=name)),
    st.sampled_from(["dark", "light"]).map(
        lambda theme: ChangePreferences.model_validate({"theme": theme})
    ),
    st.sampled_from(["free", "vip"]).map(
        lambda plan: SetSubscription.model_validate({"plan": plan})
    ),
)


async def live(db: DatabaseManager, model: Model, clock: Clock, who: str, does: Command) -> None:
    """One turn; whoever is unknown registers first."""
    user, version = model.people[who], model.versions[who]
    begin = () if user is not None else (registration(who),)
    if user is None and isinstance(does, DeleteUser):
        does = OpenMenu(menu="shop")
    commit = commit_of(Stored(user, version), who, clock(), *begin, does)
    assert await db.users.commit(commit) == version + 1
    if commit.after is None and user is not None:
        model.closed += user.balance
    model.people[who], model.versions[who] = commit.after, version + 1
    model.events[who] += len(commit.events)


async def check(db: DatabaseManager, model: Model, path: Path) -> None:
    """The stores say what the model says."""
    for who in PEOPLE:
        assert await db.users.load(who) == Stored(model.people[who], model.versions[who])
    living = [(who,) for who in PEOPLE if model.people[who] is not None]
    gone = [(who,) for who in PEOPLE if model.people[who] is None and model.versions[who]]
    assert query(path, LIVING) == query(path, PROFILES) == query(path, PLANS) == living
    assert query(path, TOMBSTONES) == gone
    assert query(path, ODD_BALANCES) == []
    assert query(path, PSEUDONYMS) == [(model.closed,)]
    counted = dict.fromkeys(PEOPLE, 0) | dict(query(path, "SELECT * FROM event_sequences"))
    assert counted == model.events


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives=st.lists(st.tuples(st.sampled_from(PEOPLE), COMMANDS), min_size=1, max_size=25))
def test_people_who_come_and_go_agree_with_a_model(lives: Sequence[tuple[str, Command]]) -> None:
    async def play() -> None:
        with TemporaryDirectory() as folder:
            path, clock, model = Path(folder) / "t.db", Clock(), Model()
            async with running(path, clock) as db:
                for who, does in lives:
                    clock.advance(minutes=1)
                    await live(db, model, clock, who, does)
                    await check(db, model, path)
            async with running(path, clock) as db:
                await check(db, model, path)

    anyio.run(play)
