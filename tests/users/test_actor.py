"""A user's actor: one turn at a time, once, all or nothing, and what follows a crash."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest

from actors import ActorCrashed, ActorSystem
from tests.fakes import MemoryStores, utc_now
from tests.waiting import until
from yabot.domain.commands import MoveBesitos, RegisterUser
from yabot.domain.decision import Applied, Decision, DurableCommand, Rejected
from yabot.errors import DeadlinePassed, StaleVersion, StoreUnavailable
from yabot.users import directory as directory_module
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import Arrival, Mail, Stored
from yabot.users.turn import Handle, Turn, current_turn

pytestmark = pytest.mark.anyio

REGISTER = RegisterUser(telegram_user_id=7, first_name="Ana")
CHAT = {"id": 7, "type": "private"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def quick_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "REPEATS", (0.01, 0.01))


@asynccontextmanager
async def users(
    stores: MemoryStores, handle: Handle, *, turn_timeout: float = 5.0
) -> AsyncIterator[UserDirectory]:
    async with ActorSystem() as system:
        parts = UserParts(stores.users, handle, lambda turn: None, utc_now, turn_timeout)
        directory = UserDirectory(system, parts, stores.inbox)
        yield directory
        await directory.stop(timeout=2)


async def arrive(stores: MemoryStores, *texts: str, user_id: str = "7") -> list[Mail]:
    """Updates as they come in, whose ids go on from those that came before."""
    first = sum(stores.inbox.writes) + 1
    arrivals = []
    for update_id, text in enumerate(texts, first):
        update = {"update_id": update_id, "message": {"text": text, "chat": CHAT}}
        arrivals.append(Arrival(user_id, 1, update_id, update, orjson.dumps(update)))
    return list(await stores.inbox.accept(arrivals))


def text_of(update: Mapping[str, object]) -> str:
    message = update["message"]
    assert isinstance(message, dict)
    return str(message["text"])


async def nothing(turn: Turn, update: Mapping[str, object]) -> None:
    turn.apply(REGISTER)


async def test_updates_of_one_user_are_handled_one_at_a_time_and_in_order() -> None:
    stores, seen, busy = MemoryStores(), [], 0

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        nonlocal busy
        busy += 1
        assert busy == 1
        await anyio.lowlevel.checkpoint()
        seen.append(text_of(update))
        busy -= 1

    async with users(stores, handle) as directory:
        for mail in await arrive(stores, *(str(n) for n in range(30))):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert seen == [str(n) for n in range(30)]


async def test_a_full_mailbox_leaves_mail_in_the_inbox_and_keeps_its_order() -> None:
    stores, seen = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        seen.append(text_of(update))

    count = directory_module.WINDOW * 5
    async with users(stores, handle) as directory:
        for mail in await arrive(stores, *(str(n) for n in range(count))):
            directory.deliver(mail)
        assert directory.actors.statistics().top[0].depth <= directory_module.WINDOW
        await until(lambda: not stores.inbox.backlog())
    assert seen == [str(n) for n in range(count)]


async def test_mail_that_is_handed_over_twice_is_handled_once() -> None:
    stores, seen = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        seen.append(text_of(update))

    async with users(stores, handle) as directory:
        mails = await arrive(stores, "a", "b")
        for mail in [*mails, *mails]:
            directory.deliver(mail)
        await until(lambda: not directory.actors.statistics().top and not stores.inbox.backlog())
    assert seen == ["a", "b"]


async def test_memory_changes_only_after_the_commit() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        stores.users.failing = True
        with pytest.raises(StoreUnavailable):
            await directory.apply("7", MoveBesitos(amount=5, reason="test"))
        stores.users.failing = False
        user = await directory.get("7")
        assert user is not None
        assert user.balance == 0


async def test_an_update_waits_for_a_store_that_is_away_and_later_mail_waits_behind_it() -> None:
    stores, seen = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        seen.append(text_of(update))

    async with users(stores, handle) as directory:
        mails = await arrive(stores, "a", "b")
        stores.users.failing = True
        for mail in mails:
            directory.deliver(mail)
        await until(lambda: directory.actors.statistics().live == 1)
        assert not stores.users.commits
        stores.users.failing = False
        await until(lambda: not stores.inbox.backlog())
    assert [commit.mail_seq for commit in stores.users.commits] == [1, 2]


async def test_a_crash_is_repeated_before_later_mail_and_commits_nothing_of_the_first_try() -> None:
    stores, tries = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        tries.append(text_of(update))
        turn.apply(REGISTER)
        turn.record("chat:7", "sendMessage", b"{}")
        if tries == ["a"]:
            raise ValueError("once")

    async with users(stores, handle) as directory:
        for mail in await arrive(stores, "a", "b"):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert tries == ["a", "a", "b"]
    assert len(stores.replies.rows) == 2


async def test_the_third_crash_sets_the_update_aside_with_one_text_and_later_mail_goes_on() -> None:
    stores, tries = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        tries.append(text_of(update))
        if text_of(update) == "poison":
            raise ValueError("always")

    async with users(stores, handle) as directory:
        for mail in await arrive(stores, "poison", "fine"):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert tries == ["poison"] * 3 + ["fine"]
    (letter,) = stores.users.commits[0].dead_letters
    assert letter.key == "tg:1:1"
    assert "ValueError: always" in letter.error
    (apology,) = stores.replies.rows.values()
    assert apology.call.method == "sendMessage"


async def test_a_handler_that_passes_its_time_limit_is_a_crash() -> None:
    stores = MemoryStores()

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        await anyio.sleep_forever()

    async with users(stores, handle, turn_timeout=0.01) as directory:
        (mail,) = await arrive(stores, "slow")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert "TimeoutError" in stores.users.commits[0].dead_letters[0].error


async def test_an_error_that_was_swallowed_after_marking_the_turn_still_fails_it() -> None:
    stores = MemoryStores()

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        turn.record("chat:7", "sendMessage", b"{}")
        turn.fail(ValueError("swallowed"))

    async with users(stores, handle) as directory:
        (mail,) = await arrive(stores, "a")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert b"{}" not in [row.call.params for row in stores.replies.rows.values()]
    assert "swallowed" in stores.users.commits[0].dead_letters[0].error


async def test_a_stale_version_reloads_the_user_and_repeats_the_update() -> None:
    stores = MemoryStores()
    stores.users.errors.append(StaleVersion("told to"))
    async with users(stores, nothing) as directory:
        (mail,) = await arrive(stores, "a")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert (await stores.users.load("7")).version == 1


async def test_inside_its_own_turn_a_command_joins_the_turn() -> None:
    stores = MemoryStores()
    directories: list[UserDirectory] = []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        turn.apply(REGISTER)
        outcome = await directories[0].apply("7", MoveBesitos(amount=5, reason="test"))
        assert isinstance(outcome, Applied)
        assert await directories[0].get("7") == outcome.user

    async with users(stores, handle) as directory:
        directories.append(directory)
        (mail,) = await arrive(stores, "a")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert len(stores.users.commits) == 1
    user = (await stores.users.load("7")).user
    assert user is not None
    assert user.balance == 5


async def test_a_turn_that_asks_another_user_is_refused() -> None:
    stores, refused = MemoryStores(), []
    directories: list[UserDirectory] = []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        try:
            await directories[0].get("8")
        except RuntimeError as error:
            refused.append(str(error))

    async with users(stores, handle) as directory:
        directories.append(directory)
        (mail,) = await arrive(stores, "a")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert "durable command" in refused[0]


async def test_an_unknown_user_is_told_apart_from_one_that_is_known() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        assert await directory.get("7") is None
        outcome = await directory.apply("7", MoveBesitos(amount=5, reason="test"))
    assert isinstance(outcome, Rejected)
    assert outcome.status == 404


async def test_a_question_behind_a_slow_turn_is_answered_with_an_error_at_its_deadline() -> None:
    stores, release = MemoryStores(), anyio.Event()

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        await release.wait()

    async with users(stores, handle) as directory:
        (mail,) = await arrive(stores, "slow")
        directory.deliver(mail)
        with pytest.raises(DeadlinePassed):
            await directory.get("7", timeout=0.05)
        release.set()
        await until(lambda: not stores.inbox.backlog())


async def test_a_due_command_is_applied_once_even_when_it_is_delivered_twice() -> None:
    stores = MemoryStores()
    async with users(stores, nothing) as directory:
        await directory.apply("7", REGISTER)
        gift = MoveBesitos(amount=5, reason="gift")
        stores.commands.add(DurableCommand("7", utc_now(), gift, "gift:1"))
        (due,) = await stores.commands.due(utc_now(), 0, 10)
        directory.deliver_due(due)
        directory.deliver_due(due)
        await until(lambda: not directory.actors.statistics().top)
        user = await directory.get("7")
    assert user is not None
    assert user.balance == 5
    assert await stores.commands.next_due() is None


async def test_a_turn_is_visible_to_services_only_while_it_is_handled() -> None:
    stores, inside = MemoryStores(), []

    async def handle(turn: Turn, update: Mapping[str, object]) -> None:
        inside.append(current_turn.get() is turn)

    async with users(stores, handle) as directory:
        (mail,) = await arrive(stores, "a")
        directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
    assert inside == [True]
    assert current_turn.get() is None


async def test_an_ask_that_crashes_is_answered_with_the_error_at_once() -> None:
    stores = MemoryStores()
    stores.users.errors.append(ValueError("a bug"))
    async with users(stores, nothing) as directory:
        with pytest.raises(ActorCrashed):
            await directory.apply("7", REGISTER)


def test_a_decision_that_is_a_no_changes_nothing_of_the_turn() -> None:
    store = MemoryStores().users
    turn = Turn(key="k", user_id="7", now=utc_now(), stored=Stored(None, 0), store=store)
    assert isinstance(turn.apply(REGISTER), Decision)
    before = turn.user
    assert isinstance(turn.apply(MoveBesitos(amount=-1, reason="x")), Rejected)
    assert turn.user is before
