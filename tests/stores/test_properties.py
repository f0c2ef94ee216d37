"""Whatever is committed in whatever order, the tables and a simple model stay equal."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stores.running import Clock, only, query, running
from tests.stores.turns import arrival, commit_of, earn, registration
from yabot.domain.commands import Command, OpenMenu, SetSubscription
from yabot.domain.events import UserInteraction
from yabot.errors import CommitRefused
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Commit, Stored

USERS = ("1", "2", "3")


@dataclass(frozen=True)
class Attempt:
    """One turn: whose, what it does, how far its version is off, and whether it comes twice."""

    user_id: str
    commands: tuple[Command, ...]
    off: int
    repeated: bool


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.integers(1, 50).map(earn),
    st.sampled_from(["main_menu", "shop", "settings"]).map(lambda menu: OpenMenu(menu=menu)),
    st.sampled_from(["free", "premium", "vip"]).map(
        lambda plan: SetSubscription.model_validate({"plan": plan})
    ),
)
ATTEMPTS = st.builds(
    Attempt,
    user_id=st.sampled_from(USERS),
    commands=st.lists(COMMANDS, max_size=3).map(tuple),
    off=st.sampled_from([0, 0, 0, -1, 1_000]),
    repeated=st.booleans(),
)


@dataclass
class Model:
    """What should be stored."""

    users: dict[str, Stored] = field(default_factory=lambda: dict.fromkeys(USERS, Stored(None, 0)))
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(USERS, 0))
    marks: int = 0

    def take(self, commit: Commit) -> None:
        self.users[commit.user_id] = Stored(commit.after, commit.version + 1)
        self.events[commit.user_id] += len(commit.events)
        self.marks += 1


async def run_round(
    db: DatabaseManager, model: Model, clock: Clock, attempts: Sequence[Attempt], first: int
) -> None:
    """Commit all attempts at once, as several users do; one good attempt per user wins."""
    mails = await db.inbox.accept(
        [arrival(first + n, attempt.user_id) for n, attempt in enumerate(attempts)]
    )
    commits: list[Commit] = []
    good: dict[str, Commit] = {}
    for attempt, mail in zip(attempts, mails, strict=True):
        stored = model.users[attempt.user_id]
        begin = () if stored.user else (registration(attempt.user_id),)
        commit = commit_of(
            stored,
            attempt.user_id,
            clock(),
            *begin,
            *attempt.commands,
            key=mail.key,
            mail_seq=mail.seq,
            events=(UserInteraction(action="x"),),
        )
        if attempt.off:
            commit = commit._replace(version=commit.version + attempt.off)
        elif attempt.user_id not in good:
            good[attempt.user_id] = commit
        commits.append(commit)
        if attempt.repeated:
            commits.append(commit)
    outcomes = await asyncio.gather(*map(db.users.commit, commits), return_exceptions=True)
    won = [
        commit for commit, done in zip(commits, outcomes, strict=True) if done == commit.version + 1
    ]
    assert all(isinstance(done, int | CommitRefused) for done in outcomes)
    assert {id(commit) for commit in won} == {id(commit) for commit in good.values()}
    for commit in won:
        model.take(commit)


async def check(db: DatabaseManager, model: Model, path: Path) -> None:
    """The stores say what the model says."""
    for user_id, stored in model.users.items():
        assert await db.users.load(user_id) == stored
        total = "SELECT coalesce(sum(amount), 0) FROM ledger WHERE user_id = ?"
        assert only(query(path, total, user_id)) == (stored.user.balance if stored.user else 0)
    counted: dict[str, list[int]] = {user_id: [] for user_id in USERS}
    for event in await db.events.history(0, 10_000):
        counted[event.user_id].append(event.sequence)
    for user_id, sequences in counted.items():
        assert sequences == list(range(1, model.events[user_id] + 1))
    marks = "SELECT count(*) FROM inbox WHERE processed_at IS NOT NULL"
    assert only(query(path, marks)) == model.marks


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rounds=st.lists(st.lists(ATTEMPTS, min_size=1, max_size=8), min_size=1, max_size=5))
def test_random_commits_of_several_users_agree_with_a_model(
    rounds: list[list[Attempt]],
) -> None:
    async def play() -> None:
        with TemporaryDirectory() as folder:
            path, clock, model, first = Path(folder) / "t.db", Clock(), Model(), 1
            async with running(path, clock) as db:
                for attempts in rounds:
                    clock.advance(minutes=1)
                    await run_round(db, model, clock, attempts, first)
                    first += len(attempts)
                    await check(db, model, path)
            async with running(path, clock) as db:
                await check(db, model, path)

    anyio.run(play)
