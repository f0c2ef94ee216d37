"""The poller moves its offset past what is durable, and outlives whatever happens to Telegram."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from tests.fakes import MemoryInbox
from tests.telegram.server import TOKEN, BotApi, Received, Scripted, error, ok
from tests.telegram.updates import message
from tests.waiting import until
from yabot.errors import ConfigError
from yabot.telegram import polling
from yabot.telegram.client import TelegramClient
from yabot.telegram.ingress import Ingress
from yabot.telegram.polling import Poller
from yabot.users.ports import Mail

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "LONGEST_PAUSE", 0.02)


class Updates:
    """A server's side of long polling: gives what is beyond the offset, else holds the poll."""

    def __init__(self, api: BotApi) -> None:
        self.waiting: list[dict[str, object]] = []
        self.offsets: list[int] = []
        self.scripts: list[Scripted] = []
        api.on_call = self.answer

    def answer(self, call: Received) -> Scripted | None:
        if call.method != "getUpdates":
            return None
        if self.scripts:
            return self.scripts.pop(0)
        offset = call.fields["offset"]
        assert isinstance(offset, int)
        self.offsets.append(offset)
        rest = [update for update in self.waiting if _id(update) >= offset]
        return Scripted(
            body={"ok": True, "result": rest},
            before=None if rest else lambda: anyio.sleep(0.01),
        )


def _id(update: dict[str, object]) -> int:
    found = update["update_id"]
    assert isinstance(found, int)
    return found


class Intake:
    """A running poller and what it has delivered."""

    def __init__(self, api: BotApi, inbox: MemoryInbox, token: str = TOKEN) -> None:
        self.delivered: list[Mail] = []
        ingress = Ingress(inbox, self.delivered.append, bot_id=42, max_backlog=1000)
        self.client = TelegramClient(token, api.url)
        self.poller = Poller(self.client, ingress, ["message"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Intake"]:
        async with self.client, anyio.create_task_group() as group:
            group.start_soon(self.poller.run)
            yield self
            group.cancel_scope.cancel()

    async def has(self, count: int) -> None:
        await until(lambda: len(self.delivered) >= count)


async def test_updates_are_delivered_and_confirmed(api: BotApi, inbox: MemoryInbox) -> None:
    server = Updates(api)
    server.waiting = [message("one"), message("two")]
    async with Intake(api, inbox).running() as intake:
        await intake.has(2)
        await until(lambda: server.offsets[-1] > 0)
    assert server.offsets[-1] == _id(server.waiting[-1]) + 1
    assert [mail.update for mail in intake.delivered] == server.waiting
    assert len(api.of("deleteWebhook")) == 1
    first = api.of("getUpdates")[0]
    assert (first["timeout"], first["limit"], first["allowed_updates"]) == (25, 100, ["message"])


async def test_the_offset_stays_while_the_inbox_can_not_be_written(
    api: BotApi, inbox: MemoryInbox
) -> None:
    server = Updates(api)
    inbox.failing = True
    server.waiting = [message()]
    async with Intake(api, inbox).running() as intake:
        await until(lambda: bool(server.offsets))
        await anyio.sleep(0.05)
        assert server.offsets == [0]
        inbox.failing = False
        await intake.has(1)


async def test_a_poller_that_dies_before_the_write_gets_the_updates_again(
    api: BotApi, inbox: MemoryInbox
) -> None:
    server = Updates(api)
    server.waiting = [message()]
    inbox.failing = True
    async with Intake(api, inbox).running():
        await until(lambda: bool(server.offsets))
    inbox.failing = False
    async with Intake(api, inbox).running() as intake:
        await intake.has(1)
    assert server.offsets[:2] == [0, 0]


async def test_a_long_backlog_holds_the_poll_back(
    api: BotApi, inbox: MemoryInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Updates(api)
    server.waiting = [message()]
    inbox.extra_backlog = 1000
    intake = Intake(api, inbox)
    async with intake.running():
        await until(lambda: bool(server.offsets))
        await anyio.wait_all_tasks_blocked()
        assert server.offsets == [0]
        inbox.extra_backlog = 0
        await intake.has(1)


async def test_conflicts_and_network_trouble_are_outlived(api: BotApi, inbox: MemoryInbox) -> None:
    server = Updates(api)
    server.scripts = [
        error(409, "Conflict: terminated by other getUpdates request"),
        error(500, "Internal Server Error"),
        Scripted(drop=True),
        Scripted(502, b"<html>"),
        error(429, "Too Many Requests", 0),
        ok([]),
    ]
    server.waiting = [message()]
    async with Intake(api, inbox).running() as intake:
        await intake.has(1)


async def test_a_refused_token_ends_the_poller_with_what_to_do(
    api: BotApi, inbox: MemoryInbox
) -> None:
    intake = Intake(api, inbox, token="43:WRONG")
    async with intake.client:
        with pytest.raises(ConfigError, match="BOT_TOKEN"):
            await intake.poller.run()
