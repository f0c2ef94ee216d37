"""A bot with a fault that an operator mends by a file: what failed before works from then on.

While `broken` is in its folder, the command /fragile and a group of subscribers fail.
"""

from collections.abc import Sequence
from pathlib import Path

import anyio
from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from yabot.app import BotApplication
from yabot.config import ConfigManager
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.running import run_application
from yabot.telegram.handlers import routers

BROKEN = "broken"
HEARD = "heard"
"""A line for each event that the group has taken."""


def subscribe(bus: EventBus) -> None:
    """Add the group with the fault."""
    bus.subscribe("user_registered", hear, group="greeters")


async def hear(event: BaseEvent) -> None:
    """Write the event down, once the fault is mended."""
    fail_while_broken()
    async with await anyio.open_file(HEARD, "a") as file:
        await file.write(f"{event.user_id} {event.event_type}\n")


def fail_while_broken() -> None:
    """Raises RuntimeError until somebody has mended it."""
    if Path(BROKEN).exists():
        raise RuntimeError("nobody has mended this yet")


def with_the_fault() -> Sequence[Router]:
    """The usual handlers, and the fragile one before them."""
    router = Router(name="fragile")

    @router.message(Command("fragile"))
    async def fragile(message: Message) -> None:
        fail_while_broken()
        await message.answer("It works now")

    return [router, *routers()]


def mended() -> None:
    """The entry of this bot; its other commands are the usual ones."""
    config = ConfigManager.load()
    application = BotApplication(config, routers=with_the_fault, subscribe=subscribe)
    run_application(application, say=print)
