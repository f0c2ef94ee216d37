"""'In a moment': told once to whom it can't be known of who they are."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import orjson
import pytest

from actors import ActorSystem
from tests.fakes import MemoryStores, utc_now
from tests.waiting import until
from yabot.domain.commands import RegisterUser
from yabot.domain.texts import EN, ES
from yabot.domain.values import UserId
from yabot.errors import StoreUnavailable
from yabot.users import reassure
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import Arrival, Stored
from yabot.users.turn import Turn

pytestmark = pytest.mark.anyio

PRIVATE = {"id": 7, "type": "private"}
GROUP = {"id": -100, "type": "group"}
PAUSE = 0.01


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Away:
    """Stores of which it can't be read who somebody is, and what people are told at once."""

    def __init__(self) -> None:
        self.stores = MemoryStores()
        self.reads = 0
        self.is_away = True
        self.told: list[tuple[str, dict[str, object]]] = []
        self._load = self.stores.users.load
        self.stores.users.load = self.load  # type: ignore[method-assign]

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        self.reads += 1
        if self.is_away:
            raise StoreUnavailable("who this is can't be known now", retry_after=PAUSE)
        return await self._load(user_id, fenced=fenced)

    async def send_now(self, method: str, params: bytes) -> None:
        self.told.append((method, orjson.loads(params)))

    async def has_told(self, messages: int) -> None:
        await until(lambda: len(self.told) == messages)

    async def reads_again(self, times: int) -> None:
        wanted = self.reads + times
        await until(lambda: self.reads >= wanted)

    @asynccontextmanager
    async def users(self) -> AsyncIterator[UserDirectory]:
        async with ActorSystem() as system:
            parts = UserParts(
                self.stores.users, register, lambda turn: None, utc_now, send_now=self.send_now
            )
            directory = UserDirectory(system, parts, self.stores.inbox)
            yield directory
            await directory.stop(timeout=2)

    async def arrive(
        self,
        directory: UserDirectory,
        *texts: str,
        chat: Mapping[str, object] = PRIVATE,
        language: str = "es",
    ) -> None:
        """Texts of one person come in."""
        first = sum(self.stores.inbox.writes) + 1
        sender = {"id": 7, "language_code": language}
        arrivals = []
        for update_id, text in enumerate(texts, first):
            message = {"text": text, "chat": chat, "from": sender}
            update = {"update_id": update_id, "message": message}
            arrivals.append(Arrival("7", 1, update_id, update, orjson.dumps(update)))
        for mail in await self.stores.inbox.accept(arrivals):
            directory.deliver(mail)


async def register(turn: Turn, update: Mapping[str, object]) -> None:
    turn.apply(RegisterUser(telegram_user_id=7, first_name="Ana"))


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Away:
    monkeypatch.setattr(reassure, "PATIENCE", 3 * PAUSE)
    return Away()


@pytest.mark.parametrize(("language", "texts"), [("es-MX", ES), ("en", EN), ("fr", ES)])
async def test_who_waits_is_told_once_in_their_language_and_then_answered(
    away: Away, language: str, texts: Mapping[str, str]
) -> None:
    async with away.users() as directory:
        await away.arrive(directory, "/start", "hola", "hola?", language=language)
        await until(lambda: bool(away.told))
        await away.reads_again(10)
        assert away.told == [("sendMessage", {"chat_id": 7, "text": texts["in_a_moment"]})]
        away.is_away = False
        await until(lambda: not away.stores.inbox.backlog())
        assert len(away.told) == 1


async def test_each_outage_is_told_of(away: Away) -> None:
    for outage in (1, 2):
        away.is_away = True
        async with away.users() as directory:
            await away.arrive(directory, "hola")
            await away.has_told(outage)
            away.is_away = False
            await until(lambda: not away.stores.inbox.backlog())


async def test_a_short_wait_is_not_told_of(away: Away, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reassure, "PATIENCE", 1_000 * PAUSE)
    async with away.users() as directory:
        await away.arrive(directory, "hola")
        await away.reads_again(5)
        away.is_away = False
        await until(lambda: not away.stores.inbox.backlog())
    assert away.told == []


async def test_a_group_is_not_told_of_one_persons_wait(away: Away) -> None:
    async with away.users() as directory:
        await away.arrive(directory, "hola", chat=GROUP)
        await away.reads_again(10)
        away.is_away = False
        await until(lambda: not away.stores.inbox.backlog())
    assert away.told == []


async def test_who_is_known_is_not_told_when_a_commit_has_to_wait(away: Away) -> None:
    away.is_away = False
    async with away.users() as directory:
        await away.arrive(directory, "/start")
        await until(lambda: not away.stores.inbox.backlog())
        away.stores.users.failing = True
        await away.arrive(directory, "hola")
        with anyio.move_on_after(10 * PAUSE):
            await until(lambda: bool(away.told))
        away.stores.users.failing = False
        await until(lambda: not away.stores.inbox.backlog())
    assert away.told == []
