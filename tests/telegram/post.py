"""A reply sender at work, and what it was given and has sent."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import count

import anyio
import orjson

from supervision import Breaker, BreakerPolicy, CountWindow
from tests.fakes import MemoryReplies
from tests.telegram.server import TOKEN, BotApi
from tests.waiting import until
from yabot.telegram.client import TelegramClient
from yabot.telegram.delivery import Delivery
from yabot.telegram.replies import ReplySender, SendingMeter
from yabot.users.ports import Call

Now = Callable[[], datetime]

_ids = count(1)


def leave(outbox: MemoryReplies, lane: str, method: str, **params: object) -> int:
    """Leave a call as a commit of user 7 does; gives the id of the call."""
    call = Call(next(_ids), lane, method, orjson.dumps(params))
    outbox.add("7", call, outbox.clock())
    return call.id


def send(outbox: MemoryReplies, text: str, chat: int = 7, **fields: object) -> int:
    """Leave a sendMessage; gives the id of its call."""
    return leave(outbox, f"chat:{chat}", "sendMessage", chat_id=chat, text=text, **fields)


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
        await until(lambda: not self.outbox.rows)


def texts(api: BotApi, chat: int = 7) -> list[object]:
    return [call["text"] for call in api.of("sendMessage") if call["chat_id"] == chat]
