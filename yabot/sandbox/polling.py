"""getUpdates, as the real server does it.

The rule: an update is confirmed only by a later call with a higher offset. A second poller ends
the first one's call with a conflict, and asking again for the same offset within half a second
is answered with a single update, so a poller cannot use its offset as a work list.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import orjson

from yabot.sandbox.errors import Conflict
from yabot.sandbox.model import Bot
from yabot.sandbox.parameters import Parameters
from yabot.sandbox.updates import Update
from yabot.sandbox.world import World

MAX_LIMIT = 100
MAX_TIMEOUT = 50
GATHER = 0.001
REPEAT_LIMITED = 0.5
REPEAT_DELAYED = 3

WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)
OTHER_POLLER = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_SET = "terminated by setWebhook request"


@dataclass(slots=True)
class _Poll:
    """One bot's polling: what it asked last, when (loop time), and the call that waits now."""

    offset: int | None = None
    started: float = 0.0
    finished: float = 0.0
    waiting: asyncio.Future[None] | None = None

    def interrupt(self, reason: str) -> None:
        if self.waiting is not None and not self.waiting.done():
            self.waiting.set_exception(Conflict(reason))


class Polling:
    """The long polls of all bots.

    throttled: apply the rules about repeated offsets.
    """

    def __init__(self, world: World, *, throttled: bool) -> None:
        self._world = world
        self._throttled = throttled
        self._polls: dict[int, _Poll] = {}
        self._closed = False

    async def get_updates(self, bot: Bot, parameters: Parameters) -> orjson.Fragment:
        """The JSON array of updates. Raises Conflict."""
        if bot.webhook is not None:
            raise Conflict(WEBHOOK_ACTIVE)
        offset = parameters.integer("offset")
        limit = min(max(parameters.integer("limit", MAX_LIMIT), 1), MAX_LIMIT)
        timeout = min(max(parameters.integer("timeout"), 0), MAX_TIMEOUT)
        self._world.allow_updates(bot, parameters.array("allowed_updates"))
        poll = self._polls.setdefault(bot.number, _Poll())
        poll.interrupt(OTHER_POLLER)
        now = asyncio.get_running_loop().time()
        if self._throttled and poll.offset == offset:
            if timeout < REPEAT_DELAYED and now < poll.started + REPEAT_DELAYED:
                timeout = REPEAT_DELAYED
            if now < poll.finished + REPEAT_LIMITED:
                limit = 1
        poll.offset, poll.started = offset, now
        if offset > 0:
            bot.updates.confirm(offset)
        elif offset < 0:
            bot.updates.forget_all_but(-offset)
        updates = await self._wait(bot, poll, limit, now + timeout)
        poll.finished = asyncio.get_running_loop().time()
        return orjson.Fragment(b"[" + b",".join(update.body for update in updates) + b"]")

    async def _wait(self, bot: Bot, poll: _Poll, limit: int, deadline: float) -> list[Update]:
        loop = asyncio.get_running_loop()
        while not (updates := bot.updates.first(limit, self._world.clock())):
            if self._closed or loop.time() >= deadline:
                break
            poll.waiting = waiting = loop.create_future()
            bot.updates.listener = partial(_wake, waiting)
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await waiting
            finally:
                if poll.waiting is waiting:
                    poll.waiting = bot.updates.listener = None
        return updates

    def interrupt(self, bot: Bot) -> None:
        """End the waiting call of a bot that goes over to a webhook."""
        if bot.number in self._polls:
            self._polls[bot.number].interrupt(WEBHOOK_SET)

    def close(self) -> None:
        """Answer every waiting call with what there is."""
        self._closed = True
        for poll in self._polls.values():
            if poll.waiting is not None:
                _resolve(poll.waiting)


def _wake(waiting: asyncio.Future[None], _update: Update) -> None:
    """End the wait a moment later, so that what arrives together is answered together."""
    asyncio.get_running_loop().call_later(GATHER, _resolve, waiting)


def _resolve(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
