"""A reply sender at work, and what it was given and has sent."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import anyio
import orjson

from supervision import Breaker, BreakerPolicy, CountWindow
from tests.telegram.memory import MemoryReplies
from tests.telegram.server import TOKEN, BotApi
from tests.waiting import until
from yabot.telegram.client import TelegramClient
from yabot.telegram.delivery import Delivery
from yabot.telegram.replies import ReplySender, SendingMeter

Now = Callable[[], datetime]


def send(outbox: MemoryReplies, text: str, chat: int = 7, **fields: object) -> int:
    """Leave a sendMessage; gives the id of its call."""
    params = orjson.dumps({"chat_id": chat, "text": text, **fields})
    return outbox.put(f"chat:{chat}", "sendMessage", params).call.id


class Post:
    """A running sender and its meter."""

    def __init__(self, outbox: MemoryReplies, url: str, clock: Now) -> None:
        self.outbox = outbox
        self.meter = SendingMeter()
        self.client = TelegramClient(TOKEN, url)
        policy = BreakerPolicy(
            window=CountWindow(5), minimum_calls=3, open_for=0.02, longest_open=0.05
        )
        self.breaker = Breaker("telegram", policy)
        self.sender = ReplySender(
            outbox, Delivery(self.client, self.breaker, outbox, clock), self.meter
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Post"]:
        async with self.client, anyio.create_task_group() as group:
            group.start_soon(self.sender.run)
            yield self
            group.cancel_scope.cancel()

    async def settled(self) -> None:
        """Until the outbox is empty."""
        await until(lambda: not self.outbox.left)


def texts(api: BotApi, chat: int = 7) -> list[object]:
    return [call["text"] for call in api.of("sendMessage") if call["chat_id"] == chat]
