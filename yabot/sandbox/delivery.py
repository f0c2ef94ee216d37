"""Webhooks: pushing updates to a bot's own server.

The rule, which is the real server's: updates of one queue (messages by chat, presses by user) go
out one at a time and in order, each repeated until a 2xx or its expiry; different queues go out
side by side, up to `max_connections`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import aiohttp

from yabot.sandbox.errors import BadRequest
from yabot.sandbox.model import Bot, Webhook
from yabot.sandbox.parameters import decode, decode_multipart
from yabot.sandbox.updates import Update
from yabot.sandbox.world import World

READ_TIMEOUT = 60.0
MAX_DELAY = 60.0
MAX_RETRY_AFTER = 3600.0

Reply = Callable[[Bot, dict[str, object]], Awaitable[None]]


class Deliveries:
    """The webhooks of all bots.

    reply: makes the call that a bot put into its response to a webhook request.
    first_delay: seconds before the second repetition of an update; it doubles from there.
    """

    def __init__(self, world: World, reply: Reply, *, first_delay: float) -> None:
        self._world = world
        self._reply = reply
        self._first_delay = first_delay
        self._running: dict[int, _Delivery] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=READ_TIMEOUT),
            headers={"Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def follow(self, bot: Bot) -> None:
        """Deliver as the bot's webhook says now; with none, stop."""
        old = self._running.pop(bot.number, None)
        if old is not None:
            stopping = asyncio.ensure_future(old.close())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
        if bot.webhook is not None:
            self._running[bot.number] = _Delivery(
                self._world, bot, bot.webhook, self._session, self._reply, self._first_delay
            )

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self._running.values()), *self._stopping)
        self._running.clear()
        await self._session.close()


class _Delivery:
    """One bot's webhook: a lane, with a task, for every queue that has updates."""

    def __init__(
        self,
        world: World,
        bot: Bot,
        webhook: Webhook,
        session: aiohttp.ClientSession,
        reply: Reply,
        first_delay: float,
    ) -> None:
        self._world = world
        self._bot = bot
        self._webhook = webhook
        self._session = session
        self._reply = reply
        self._first_delay = first_delay
        self._slots = asyncio.Semaphore(webhook.max_connections)
        self._lanes: dict[str, deque[Update]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._headers = (
            {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        )
        bot.updates.listener = self._take
        for update in bot.updates:
            self._take(update)

    async def close(self) -> None:
        if self._bot.updates.listener == self._take:
            self._bot.updates.listener = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, update: Update) -> None:
        lane = self._lanes.get(update.queue)
        if lane is not None:
            lane.append(update)
            return
        self._lanes[update.queue] = deque([update])
        task = asyncio.ensure_future(self._drain(update.queue))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, queue: str) -> None:
        lane = self._lanes[queue]
        try:
            while lane:
                await self._deliver(lane[0])
                self._bot.updates.discard(lane.popleft().id)
        finally:
            del self._lanes[queue]

    async def _deliver(self, update: Update) -> None:
        """Return when the update was accepted or its time is over."""
        delay = 0.0
        while update.expires > self._world.clock():
            async with self._slots:
                retry_after = await self._post(update)
            if retry_after is None:
                return
            await asyncio.sleep(max(retry_after, delay))
            delay = min(delay * 2, MAX_DELAY) if delay else self._first_delay

    async def _post(self, update: Update) -> float | None:
        """None when the bot accepted the update, else the seconds it asks to wait."""
        try:
            async with self._session.post(
                self._webhook.url,
                data=update.body,
                headers=self._headers,
                allow_redirects=False,
                ssl=False,
            ) as response:
                if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    call = await _call_in(response)
                    if call:
                        await self._reply(self._bot, call)
                    return None
                self._failed(
                    f"Wrong response from the webhook: {response.status} {response.reason}"
                )
                return _seconds(response.headers.get("Retry-After", ""))
        except TimeoutError:
            self._failed("Read timeout expired")
        except aiohttp.ClientConnectorError:
            self._failed("Connection refused")
        except aiohttp.ClientError as error:
            self._failed(str(error) or type(error).__name__)
        return 0.0

    def _failed(self, reason: str) -> None:
        self._bot.failure = (int(self._world.clock()), reason)


async def _call_in(response: aiohttp.ClientResponse) -> dict[str, object]:
    """The call that a bot made by its response, or nothing."""
    with suppress(ValueError, BadRequest):
        if response.content_type.startswith("multipart/"):
            return await decode_multipart(
                aiohttp.MultipartReader(response.headers, response.content)
            )
        return decode(response.content_type, await response.read())
    return {}


def _seconds(text: str) -> float:
    with suppress(ValueError):
        return min(max(float(text), 0.0), MAX_RETRY_AFTER)
    return 0.0
