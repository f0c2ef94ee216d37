"""What the tests of this folder share: one event loop, a bot of one token, and its Telegram."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import pytest
from aiogram import Bot
from aiogram.types import User

from tests.fakes import MemoryInbox, MemoryReplies, MemoryStores, MemoryUsers
from tests.telegram.clock import Clock
from tests.telegram.post import Post
from tests.telegram.server import TOKEN, BotApi
from yabot.telegram import replies as sending
from yabot.telegram.bot import direct_bot


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stores(clock: Callable[[], datetime]) -> MemoryStores:
    return MemoryStores(clock)


@pytest.fixture
def users(stores: MemoryStores) -> MemoryUsers:
    return stores.users


@pytest.fixture
def inbox(stores: MemoryStores) -> MemoryInbox:
    return stores.inbox


@pytest.fixture
def replies(stores: MemoryStores) -> MemoryReplies:
    return stores.replies


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    server = BotApi()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def bot(api: BotApi) -> AsyncIterator[Bot]:
    """The real bot, which the server has told its name."""
    real = direct_bot(TOKEN, api.url)
    real._me = User(id=42, is_bot=True, first_name="Yabot")
    yield real
    await real.session.close()


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Senders that try again at once."""
    monkeypatch.setattr(sending, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(sending, "STORE_PAUSE", 0.02)


@pytest.fixture
async def post(
    api: BotApi, replies: MemoryReplies, clock: Clock, quick_retries: None
) -> AsyncIterator[Post]:
    """A sender that runs."""
    async with Post(replies, api.url, clock).running() as post:
        yield post
