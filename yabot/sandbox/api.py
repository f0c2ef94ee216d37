"""One Bot API call, from token to answer.

The rule: whatever happens, the caller gets Telegram's envelope, unless a fault orders that the
connection breaks.
"""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass

import orjson

from yabot.sandbox.calls import Calls
from yabot.sandbox.delivery import Deliveries
from yabot.sandbox.errors import ApiError, NotFound, Unauthorized
from yabot.sandbox.faults import ConnectionDropped, Fault, Faults
from yabot.sandbox.methods import METHODS
from yabot.sandbox.model import Bot
from yabot.sandbox.parameters import Parameters
from yabot.sandbox.polling import Polling
from yabot.sandbox.signals import Signals
from yabot.sandbox.world import World

TOKEN = re.compile(r"([0-9]{1,16}):[A-Za-z0-9_-]+")
CALLS = 0
NEVER_REPLIES = frozenset({"setwebhook", "deletewebhook", "close", "logout"})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


class BotApi:
    """The Bot API over a world.

    tokens: the only tokens accepted; when empty, any well-formed token is a bot.
    throttled: limit polls that repeat an offset, as the real server does.
    first_delay: seconds before the second repetition of a webhook request.
    """

    def __init__(
        self,
        world: World,
        signals: Signals,
        *,
        tokens: Collection[str],
        throttled: bool,
        first_delay: float,
    ) -> None:
        self.calls = Calls()
        self.faults = Faults()
        self._world = world
        self._signals = signals
        self._tokens = frozenset(tokens)
        self._polling = Polling(world, throttled=throttled)
        self._deliveries = Deliveries(world, self.reply, first_delay=first_delay)
        for token in tokens:
            world.bot(self._bot_id(token))
        for bot in world.bots.values():
            self._deliveries.follow(bot)

    async def call(self, token: str, method: str, values: dict[str, object]) -> Answer:
        """Make the call. Raises ConnectionDropped when a fault says so."""
        parameters = Parameters(values)
        name = method.lower()
        bot_id = 0
        try:
            bot_id = self._bot_id(token)
            bot = self._world.bot(bot_id)
            if self.faults and (fault := self.faults.take(name, parameters)) is not None:
                result = await self._with_fault(fault, bot, name, parameters)
            else:
                result = await self._make(bot, name, parameters)
        except ApiError as error:
            self._log(bot_id, method, values, str(error))
            return Answer(error.code, orjson.dumps(error.body()))
        self._log(bot_id, method, values, "")
        return Answer(200, orjson.dumps({"ok": True, "result": result}))

    async def reply(self, bot: Bot, values: dict[str, object]) -> None:
        """Make the call that came as the response to a webhook request; its result is lost."""
        method = str(values.pop("method", ""))
        name = method.lower()
        if not name or name.startswith("get") or name in NEVER_REPLIES:
            return
        try:
            await self._make(bot, name, Parameters(values))
        except ApiError as error:
            self._log(bot.id, method, values, str(error))
        else:
            self._log(bot.id, method, values, "")

    async def close(self) -> None:
        """Answer the waiting polls and end every delivery."""
        self._polling.close()
        await self._deliveries.close()

    async def _make(self, bot: Bot, name: str, parameters: Parameters) -> object:
        if name == "getupdates":
            return await self._polling.get_updates(bot, parameters)
        method = METHODS.get(name)
        if method is None:
            raise NotFound
        webhook = bot.webhook
        result = method(self._world, bot, parameters)
        if bot.webhook is not webhook:
            self._polling.interrupt(bot)
            self._deliveries.follow(bot)
        return result

    async def _with_fault(
        self, fault: Fault, bot: Bot, name: str, parameters: Parameters
    ) -> object:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop == "before":
            raise ConnectionDropped
        if (error := fault.error()) is not None:
            raise error
        result = await self._make(bot, name, parameters)
        if fault.drop:
            raise ConnectionDropped
        return result

    def _bot_id(self, token: str) -> int:
        match = TOKEN.fullmatch(token)
        if match is None or (self._tokens and token not in self._tokens):
            raise Unauthorized
        return int(match[1])

    def _log(self, bot_id: int, method: str, values: dict[str, object], error: str) -> None:
        self.calls.add(self._world.clock(), bot_id, method, values, error)
        self._signals.notify(CALLS)
