"""What every UserStore promises: a turn takes effect once, from one version, whole or not."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.stores import Stores, in_sqlite
from tests.stores.running import Clock
from tests.stores.turns import arrival, commit_of, earn, registration, take_turn
from yabot.domain.commands import BuySubscription, OpenMenu, SetConversation
from yabot.domain.decision import DurableCommand, LedgerEntry
from yabot.errors import AlreadyProcessed, CommitRefused, StaleVersion, StoreUnavailable
from yabot.users.ports import Answer, Call, Commit, DeadLetter, DueCommand, Mail, Stored

pytestmark = pytest.mark.anyio


class Scene:
    """A user at version 1 with an update and a command that wait, and a turn that leaves one of
    everything."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self.stores = stores
        self.now = clock()
        self.call = Call(stores.users.next_call_id(), "chat:1", "sendMessage", b'{"text":"hi"}')
        self.letter = DeadLetter("update", "tg:7:5", "1", "ValueError: no", b"{}")
        self.gift = DurableCommand("1", self.now + timedelta(days=1), earn(1), "gift:1")

    async def begin(self) -> None:
        start = DurableCommand("1", self.now, earn(2), "start:1")
        self.stored = await take_turn(
            self.stores.users, "1", self.now, registration("1"), commands=(start,)
        )
        (self.mail,) = await self.stores.inbox.accept([arrival(5)])
        (self.due,) = await self.stores.commands.due(self.now, 0, 10)

    def commit(self, **fields: Any) -> Commit:
        """The commit of the update's turn; `fields` replace some of it."""
        leaves = {"calls": (self.call,), "commands": (self.gift,), "dead_letters": (self.letter,)}
        whole = {"key": self.mail.key, "mail_seq": self.mail.seq, **leaves, **fields}
        return commit_of(self.stored, "1", self.now, earn(3), **whole)

    async def is_untouched(self) -> None:
        """Nothing of the turn is there."""
        assert await self.stores.users.load("1") == self.stored
        assert await self.stores.users.answer(self.mail.key) is None
        assert await self.stores.inbox.read("1", 0, 10) == [self.mail]
        assert self.stores.inbox.backlog() == 1
        assert await self.stores.replies.read(0, 10) == []
        assert await self.waiting() == [self.due.unique_key]
        assert await self.stores.dead_letters() == []

    async def waiting(self) -> list[str]:
        """The unique keys of the commands that wait."""
        due = await self.stores.commands.due(self.now + timedelta(days=2), 0, 10)
        return [command.unique_key for command in due]


@pytest.fixture
async def scene(stores: Stores, clock: Clock) -> Scene:
    scene = Scene(stores, clock)
    await scene.begin()
    return scene


async def test_an_unknown_user_is_nobody_at_version_zero(stores: Stores) -> None:
    assert await stores.users.load("1") == Stored(None, 0)
    assert await stores.users.load("1", fenced=True) == Stored(None, 0)


async def test_a_user_is_loaded_as_committed_one_version_on(stores: Stores, clock: Clock) -> None:
    talk = SetConversation(key="1", state="naming", data={"tries": 2})
    first = (registration("1"), earn(30), OpenMenu(menu="shop"), talk)
    stored = await take_turn(stores.users, "1", clock(), *first)
    assert (await stores.users.load("1"), stored.version) == (stored, 1)
    clock.advance(minutes=1)
    bought = BuySubscription(plan="vip", price=20, days=30)
    stored = await take_turn(stores.users, "1", clock(), bought)
    assert (await stores.users.load("1"), stored.version) == (stored, 2)


async def test_users_have_versions_of_their_own(stores: Stores, clock: Clock) -> None:
    await take_turn(stores.users, "1", clock(), registration("1"))
    await take_turn(stores.users, "1", clock(), earn(1))
    assert (await take_turn(stores.users, "2", clock(), registration("2"))).version == 1
    assert (await stores.users.load("1")).version == 2


async def test_turns_of_many_users_at_once_all_take_effect(stores: Stores, clock: Clock) -> None:
    people = [str(n) for n in range(1, 41)]
    turns = (take_turn(stores.users, user, clock(), registration(user)) for user in people)
    made = await asyncio.gather(*turns)
    assert [await stores.users.load(user) for user in people] == made


async def test_a_commit_leaves_everything_of_its_turn(scene: Scene) -> None:
    commit = scene.commit()
    assert await scene.stores.users.commit(commit) == 2
    assert await scene.stores.users.load("1") == Stored(commit.after, 2)
    assert await scene.stores.users.answer(scene.mail.key) is not None
    assert scene.stores.inbox.backlog() == 0
    assert [row.call for row in await scene.stores.replies.read(0, 10)] == [scene.call]
    assert await scene.waiting() == ["start:1", "gift:1"]
    assert await scene.stores.dead_letters() == [scene.letter]


@pytest.mark.parametrize("version", [0, 7], ids=["from the past", "from the future"])
async def test_a_commit_from_another_version_is_refused_and_leaves_nothing(
    scene: Scene, version: int
) -> None:
    with pytest.raises(StaleVersion):
        await scene.stores.users.commit(scene.commit()._replace(version=version))
    await scene.is_untouched()


async def test_who_is_unknown_has_no_version_to_go_on_from(stores: Stores, clock: Clock) -> None:
    with pytest.raises(StaleVersion):
        await stores.users.commit(commit_of(Stored(None, 5), "1", clock(), registration("1")))
    assert await stores.users.load("1") == Stored(None, 0)


async def test_of_two_commits_from_one_version_the_first_is_made(
    stores: Stores, clock: Clock
) -> None:
    commits = [commit_of(Stored(None, 0), "1", clock(), registration("1")) for _ in range(2)]
    first, second = await asyncio.gather(*map(stores.users.commit, commits), return_exceptions=True)
    assert first == 1
    assert isinstance(second, StaleVersion)
    assert await stores.users.load("1") == Stored(commits[0].after, 1)


async def test_a_ledger_that_does_not_add_up_is_refused_and_leaves_nothing(scene: Scene) -> None:
    with pytest.raises(CommitRefused):
        await scene.stores.users.commit(scene.commit(ledger=(LedgerEntry(5, 36, "wrong"),)))
    await scene.is_untouched()


async def test_a_store_that_is_away_writes_nothing_and_takes_the_same_commit_later(
    scene: Scene,
) -> None:
    with scene.stores.away(), pytest.raises(StoreUnavailable) as trouble:
        await scene.stores.users.commit(scene.commit())
    assert trouble.value.retry_after
    await scene.is_untouched()
    assert await scene.stores.users.commit(scene.commit()) == 2


def of_the_update(mail: Mail, due: DueCommand) -> dict[str, object]:
    return {"key": mail.key, "mail_seq": mail.seq}


def of_the_command(mail: Mail, due: DueCommand) -> dict[str, object]:
    return {"key": due.key, "command_id": due.id, "mail_seq": None}


def of_a_request(mail: Mail, due: DueCommand) -> dict[str, object]:
    return {"key": "api:shop:buy:1", "answer": Answer("print", b"{}"), "mail_seq": None}


@pytest.mark.parametrize("settled", [of_the_update, of_the_command, of_a_request])
@pytest.mark.parametrize("stale", [False, True], ids=["fresh", "stale as well"])
async def test_what_was_processed_is_refused_as_such_and_leaves_nothing(
    scene: Scene, settled: Callable[[Mail, DueCommand], dict[str, object]], stale: bool
) -> None:
    users, marks = scene.stores.users, settled(scene.mail, scene.due)
    first = scene.commit(**marks, calls=(), commands=(), dead_letters=())
    assert await users.answer(first.key) is None
    stored = Stored(first.after, await users.commit(first))
    again = scene.commit(**marks)
    if not stale:
        again = again._replace(before=stored.user, version=stored.version, ledger=())
    with pytest.raises(AlreadyProcessed):
        await users.commit(again)
    assert await users.load("1") == stored
    assert await users.answer(first.key) is not None
    assert await scene.stores.replies.read(0, 10) == []
    assert "gift:1" not in await scene.waiting()
    assert await scene.stores.dead_letters() == []


async def test_a_key_is_answered_alike_every_time(stores: Stores, clock: Clock) -> None:
    answer = Answer("fingerprint", '{"text":"¡sí!"}'.encode())
    await take_turn(stores.users, "1", clock(), registration("1"), key="api:a:b:1", answer=answer)
    for _ in range(2):
        assert await stores.users.answer("api:a:b:1") == answer


async def test_a_processed_update_has_an_empty_answer(scene: Scene) -> None:
    await scene.stores.users.commit(scene.commit())
    assert await scene.stores.users.answer(scene.mail.key) == Answer("", b"")


async def test_a_processed_command_has_an_answer_even_if_its_turn_gave_none(scene: Scene) -> None:
    await scene.stores.users.commit(scene.commit(**of_the_command(scene.mail, scene.due)))
    assert await scene.stores.users.answer(scene.due.key) == Answer("", b"{}")


@pytest.mark.parametrize("key", ["api:a:b:1", "cmd:17", "tg:7:17"])
async def test_a_key_that_was_never_processed_has_no_answer(scene: Scene, key: str) -> None:
    assert await scene.stores.users.answer(key) is None


async def test_a_turn_that_keeps_no_answer_may_come_again(stores: Stores, clock: Clock) -> None:
    await take_turn(stores.users, "1", clock(), registration("1"), key="")
    assert (await take_turn(stores.users, "1", clock(), earn(1), key="")).version == 2
    assert await stores.users.answer("") is None


async def test_a_turn_of_nobody_is_marked_and_leaves_its_calls_without_a_version(
    stores: Stores, clock: Clock
) -> None:
    (mail,) = await stores.inbox.accept([arrival(5, "chat:-100")])
    call = Call(stores.users.next_call_id(), "chat:-100", "sendMessage", b"{}")
    marks = {"key": mail.key, "mail_seq": mail.seq}
    stored = await take_turn(stores.users, "chat:-100", clock(), calls=(call,), **marks)
    assert stored == await stores.users.load("chat:-100") == Stored(None, 0)
    assert stores.inbox.backlog() == 0
    assert [row.call for row in await stores.replies.read(0, 10)] == [call]


async def test_erasing_a_user_takes_what_was_kept_of_them_and_of_nobody_else(
    stores: Stores, clock: Clock
) -> None:
    due = clock() + timedelta(days=1)
    for user in ("1", "2"):
        leaves: dict[str, Any] = {
            "key": f"api:a:b:{user}",
            "answer": Answer("", b"{}"),
            "commands": (DurableCommand(user, due, earn(1), f"gift:{user}"),),
            "dead_letters": (DeadLetter("update", "tg:7:1", user, "error", b"{}"),),
        }
        stored = await take_turn(stores.users, user, clock(), registration(user), **leaves)
    erasure = commit_of(stored, "2", clock(), key="api:a:b:3", answer=Answer("", b"[]"))
    assert await stores.users.commit(erasure._replace(after=None)) == 2
    assert await stores.users.load("2") == Stored(None, 2)
    assert await stores.users.answer("api:a:b:2") is None
    assert await stores.users.answer("api:a:b:3") == Answer("", b"[]")
    assert await stores.users.answer("api:a:b:1") == Answer("", b"{}")
    assert [command.user_id for command in await stores.commands.due(due, 0, 10)] == ["1"]
    assert [letter.user_id for letter in await stores.dead_letters()] == ["1"]
    assert (await stores.users.load("1")).version == 1


async def test_an_erased_user_comes_back_as_somebody_new_and_never_at_an_old_version(
    stores: Stores, clock: Clock
) -> None:
    stored = await take_turn(stores.users, "1", clock(), registration("1"), earn(30))
    await stores.users.commit(commit_of(stored, "1", clock())._replace(after=None))
    with pytest.raises(StaleVersion):
        await stores.users.commit(commit_of(Stored(None, 0), "1", clock(), registration("1")))
    stored = await take_turn(stores.users, "1", clock(), registration("1"), earn(5))
    assert stored.version == 3
    assert await stores.users.load("1") == stored


async def test_a_fenced_load_sees_a_commit_whose_caller_has_gone(
    stores: Stores, clock: Clock
) -> None:
    stored = await take_turn(stores.users, "1", clock(), registration("1"))
    commit = commit_of(stored, "1", clock(), earn(3))
    abandoned = asyncio.ensure_future(stores.users.commit(commit))
    await asyncio.sleep(0)
    abandoned.cancel()
    assert await stores.users.load("1", fenced=True) == Stored(commit.after, 2)


async def test_ids_of_calls_are_positive_and_never_come_twice(stores: Stores) -> None:
    ids = [stores.users.next_call_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert min(ids) > 0


async def test_ids_of_calls_do_not_come_again_after_a_restart(tmp_path: Path, clock: Clock) -> None:
    ids: list[int] = []
    for _ in range(3):
        async with in_sqlite(tmp_path / "yabot.db", clock) as stores:
            ids += [stores.users.next_call_id() for _ in range(10)]
    assert len(set(ids)) == 30
