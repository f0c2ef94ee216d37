"""Deleting a user in their own turn: what the turn leaves, what memory keeps, who comes back."""

from collections.abc import Mapping

import orjson
import pytest

from tests.domain.strategies import NOON, newcomer
from tests.fakes import MemoryStores
from tests.users.test_actor import REGISTER, arrive, text_of, users
from tests.waiting import until
from yabot.domain.commands import BuySubscription, DeleteUser, MoveBesitos, SetConversation
from yabot.domain.decision import Applied, Decision, Once, Rejected
from yabot.domain.events import UserInteraction
from yabot.users.ports import Commit, Stored
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

EARN = MoveBesitos(amount=30, reason="test")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def handle(turn: Turn, update: Mapping[str, object]) -> None:
    """A bot that does what the text says; whoever is unknown registers by any text."""
    if turn.user is None and not (turn.forgotten and text_of(update) == "press"):
        turn.apply(REGISTER)
    match text_of(update):
        case "forget":
            turn.apply(EARN)
            turn.apply(BuySubscription(plan="vip", price=20, days=30))
            turn.apply(DeleteUser())
            turn.record("chat:7", "sendMessage", b'{"text":"goodbye"}')
        case "earn":
            turn.apply(EARN)


def names(commit: Commit) -> list[str]:
    return [event.name for event in commit.events]


async def test_a_deleting_turn_leaves_its_goodbye_and_its_facts_and_nothing_of_the_user() -> None:
    stores = MemoryStores()
    async with users(stores, handle) as directory:
        for mail in await arrive(stores, "hello", "forget"):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
        assert await directory.get("7") is None
    commit = stores.users.commits[-1]
    assert commit.after is None
    assert (commit.ledger, commit.commands) == ((), ())
    assert [call.method for call in commit.calls] == ["sendMessage"]
    assert names(commit)[-1] == "user_deleted"
    assert "handler_completed" in names(commit)
    assert await stores.users.load("7") == Stored(None, 2)


async def test_what_waits_behind_a_deletion_is_handled_in_order_and_a_text_begins_anew() -> None:
    stores = MemoryStores()
    async with users(stores, handle) as directory:
        texts = ("earn", "forget", "press", "press", "press", "hello", "earn")
        for mail in await arrive(stores, *texts):
            directory.deliver(mail)
        await until(lambda: not stores.inbox.backlog())
        back = await directory.get("7")
    assert back is not None
    assert back.balance == 30
    assert [commit.after is None for commit in stores.users.commits] == [
        *(False, True),
        *(True, True, True),
        *(False, False),
    ]
    stored = await stores.users.load("7")
    assert stored.version == 4


async def test_the_answer_to_a_deletion_is_repeated_and_holds_nothing_of_the_user() -> None:
    stores, once = MemoryStores(), Once("api:support:delete_user:1", "print")
    async with users(stores, handle) as directory:
        await directory.apply("7", REGISTER)
        first = await directory.apply("7", DeleteUser(), once=once)
        again = await directory.apply("7", DeleteUser(), once=once)
        unknown = await directory.apply("7", DeleteUser())
    assert first == Applied(None)
    assert again == Applied(None, replayed=True)
    assert isinstance(unknown, Rejected)
    assert unknown.status == 404
    answer = await stores.users.answer(once.key)
    assert answer is not None
    assert orjson.loads(answer.body) == {"user": None}


async def test_an_answer_of_before_a_deletion_is_not_repeated_after_it() -> None:
    stores, once = MemoryStores(), Once("api:shop:gift:1", "print")
    async with users(stores, handle) as directory:
        await directory.apply("7", REGISTER)
        await directory.apply("7", EARN, once=once)
        await directory.apply("7", DeleteUser())
        outcome = await directory.apply("7", EARN, once=once)
    assert isinstance(outcome, Rejected)


async def test_a_deletion_that_can_not_be_written_changes_nothing() -> None:
    stores = MemoryStores()
    async with users(stores, handle) as directory:
        await directory.apply("7", REGISTER)
        stores.users.failing = True
        with pytest.raises(Exception, match="away"):
            await directory.apply("7", DeleteUser())
        stores.users.failing = False
        assert await directory.get("7") is not None


def test_a_turn_that_has_deleted_its_user_takes_no_further_command() -> None:
    stores = MemoryStores()
    user = newcomer()
    turn = Turn(key="k", user_id="1", now=NOON, stored=Stored(user, 3), store=stores.users)
    turn.emit(UserInteraction(action="x"))
    gone = turn.apply(DeleteUser())
    assert isinstance(gone, Decision)
    assert turn.forgotten
    for command in (REGISTER, EARN, SetConversation(key="7", state="x"), DeleteUser()):
        assert isinstance(turn.apply(command), Rejected)
    commit = turn.to_commit()
    assert (commit.before, commit.after) == (user, None)
    assert names(commit) == ["user_interaction", "user_deleted"]
