"""Gifts in the chat: `/gift @name 5`, or `/gift 5` as an answer to somebody's message."""

import re

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.gifts import GiftService
from yabot.telegram.handlers.screens import refuse

ASKED = re.compile(r"(?:(@[A-Za-z0-9_]{1,32})\s+)?([1-9][0-9]{0,5}|1000000)", re.ASCII)
"""Who, unless a message is answered, and how much."""


def router() -> Router:
    """A router for the command."""
    router = Router(name="gifts")
    router.message.register(gift, Command("gift"))
    return router


async def gift(message: Message, command: CommandObject, user: User, gifts: GiftService) -> None:
    """Send a gift; how it ends is told when it has."""
    asked = ASKED.fullmatch((command.args or "").strip())
    answered = message.reply_to_message.from_user if message.reply_to_message else None
    if asked is not None and asked[1] is not None:
        name, to = asked[1], await gifts.find(asked[1])
    elif asked is not None and answered is not None:
        name, to = answered.first_name, None if answered.is_bot else str(answered.id)
    else:
        await message.answer(say(user.language, "gift_usage"))
        return
    if to is None:
        await message.answer(say(user.language, "gift_to_nobody", name=name))
        return
    amount = int(asked[2])
    outcome = await gifts.give(user, to, amount)
    if isinstance(outcome, Rejected):
        await refuse(message, user, outcome)
    else:
        await message.answer(say(user.language, "gift_sent", amount=amount, name=name))
