"""The bot that handlers hold inside a turn: it writes calls down instead of sending them.

The rule: whatever changes something leaves with the turn's commit. `message.answer`,
`bot.send_message` and a returned method all pass `TurnBot.__call__`, so handlers stay ordinary
aiogram code. Work that can't wait, or runs after the turn, uses the real bot, `direct_bot`.
"""

from typing import cast

import orjson
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.methods import TelegramMethod
from aiogram.methods.base import TelegramType

from yabot.errors import CannotRecord
from yabot.telegram.encoding import encode
from yabot.telegram.methods import TREATMENTS, Method, Treatment
from yabot.telegram.provisional import result_of
from yabot.users.turn import Turn

DIRECT_TIMEOUT = 5
"""Seconds that a call which goes straight out may take: half of what a turn may."""


def direct_bot(token: str, base_url: str, *, default: DefaultBotProperties | None = None) -> Bot:
    """The real bot. Start it with `await bot.me()`, end it with `await bot.session.close()`."""
    session = AiohttpSession(
        api=TelegramAPIServer.from_base(base_url),
        json_loads=orjson.loads,
        json_dumps=lambda value: orjson.dumps(value).decode(),
    )
    return Bot(token, session=session, default=default)


class TurnBot(Bot):
    """The bot of one turn. It shares the real bot's session and defaults."""

    _turn: Turn

    @classmethod
    def of(cls, bot: Bot, turn: Turn) -> "TurnBot":
        """The bot of `turn`, as a copy of the real one."""
        copy = cls.__new__(cls)
        copy.__dict__.update(bot.__dict__)
        copy._turn = turn
        return copy

    async def __call__(
        self, method: TelegramMethod[TelegramType], request_timeout: int | None = None
    ) -> TelegramType:
        """Record the call on the turn, or send it at once if it only asks.

        Raises CannotRecord for a method that can do neither, TurnClosed, TurnFull, and
        aiogram's own errors for what was sent.
        """
        name = type(method).__api_method__
        treatment = TREATMENTS.get(name, Treatment.REFUSE)
        if treatment is Treatment.REFUSE:
            raise CannotRecord(
                f"{name} can't wait for the commit of its turn: call it on `direct_bot`, "
                "and know that it happens even if the turn fails"
            )
        if treatment is Treatment.DIRECT:
            return await self.session(self, method, timeout=request_timeout or DIRECT_TIMEOUT)
        params = await encode(method, self, self._turn.now)
        call_id = self._turn.record(lane_of(method, self._turn.user_id), name, params)
        return cast(TelegramType, result_of(treatment, method, call_id, self, self._turn.now))


def lane_of(method: Method, user_id: str) -> str:
    """The lane of a call: calls of one lane leave in order, lanes don't wait for each other."""
    if type(method).__api_method__.startswith("answer"):
        return f"answer:{user_id}"
    for lane, field in (("chat", "chat_id"), ("inline", "inline_message_id")):
        value = getattr(method, field, None)
        if value is not None:
            return f"{lane}:{value}"
    return "bot"
