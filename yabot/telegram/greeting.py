"""Introducing the bot to Telegram: who it is, and the commands that chats list.

The rule: only a refused token ends a start; while Telegram is away the bot starts without this.
"""

import asyncio

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramUnauthorizedError,
)
from aiogram.types import BotCommand

from yabot.domain.texts import TEXTS, say
from yabot.domain.user import Language
from yabot.errors import ConfigError

PATIENCE = 10.0
"""Seconds that a start waits for Telegram."""

log = structlog.get_logger(__name__)


async def introduce(bot: Bot, commands: tuple[str, ...], *, default_language: Language) -> None:
    """Learn the bot's own name and list its commands. Raises ConfigError for a refused token."""
    try:
        async with asyncio.timeout(PATIENCE):
            me = await bot.me()
            for language in TEXTS:
                await bot.set_my_commands(_listed(language, commands), language_code=language)
            await bot.set_my_commands(_listed(default_language, commands))
    except TelegramUnauthorizedError as error:
        raise ConfigError(
            ["BOT_TOKEN: Telegram refuses this token; copy it again from @BotFather"]
        ) from error
    except (TelegramAPIError, TimeoutError) as error:
        log.warning("telegram.not_introduced", error=repr(error))
    else:
        log.info("telegram.introduced", bot=me.username, id=me.id)


def _listed(language: Language, commands: tuple[str, ...]) -> list[BotCommand]:
    return [
        BotCommand(command=name, description=say(language, f"command_{name}")) for name in commands
    ]
