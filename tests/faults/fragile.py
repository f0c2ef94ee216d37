"""A bot with handlers that it should not have: to fail, to end the process, to take too long."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import anyio
from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from yabot.app import BotApplication
from yabot.config import ConfigManager
from yabot.events.base import BaseEvent
from yabot.running import run_application
from yabot.telegram.handlers import routers

tasks: set[asyncio.Task[None]] = set()
"""What handlers have left running."""


def fragile() -> None:
    """The entry of this bot."""
    application = BotApplication(ConfigManager.load(), routers=fragile_routers)
    run_application(application, say=print)


class DeadlyApplication(BotApplication):
    """The bot, with subscribers of which one ends the process when a certain person registers."""

    def _setup_event_bus(self) -> None:
        super()._setup_event_bus()
        self._bus.subscribe("user_registered", die_of, group="deadly")


async def die_of(event: BaseEvent) -> None:
    """End the process for one person's sake, as a fault in a C library would."""
    if event.user_id == os.environ["DEADLY"]:
        os.kill(os.getpid(), signal.SIGKILL)


def deadly() -> None:
    """The entry of that bot."""
    run_application(DeadlyApplication(ConfigManager.load()), say=print)


def fragile_routers() -> Sequence[Router]:
    """Every router of the bot behind these handlers."""
    router = Router(name="fragile")
    router.message.register(fail, Command("fail"))
    router.message.register(end, Command("end"))
    router.message.register(leave, Command("exit"))
    router.message.register(leave_later, Command("later"))
    router.message.register(leave_together, Command("group"))
    router.message.register(leave_wrapped, Command("exit_in_group"))
    router.message.register(sleep, Command("sleep"))
    return [router, *routers()]


async def fail(message: Message) -> None:
    """Say something, and fail after all."""
    await message.answer("this never leaves")
    raise RuntimeError("a handler that always fails")


async def end(message: Message) -> None:
    """End the process, as a fault in a C library would."""
    await message.answer("this never leaves")
    os.kill(os.getpid(), signal.SIGKILL)


async def leave(message: Message) -> None:
    """End the process, as a library does that takes itself for a program."""
    await message.answer("this never leaves")
    sys.exit("a handler that wants to leave")


async def leave_later(message: Message) -> None:
    """End the process the same way, but in a task that outlives the turn."""
    await message.answer("on my way")
    tasks.add(asyncio.create_task(_leave()))


async def leave_together(message: Message) -> None:
    """End the process in a task for which the handler waits."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_leave())
        group.create_task(asyncio.sleep(60))


async def _leave() -> None:
    sys.exit("a task that wants to leave")


async def leave_wrapped(message: Message) -> None:
    """End the process in a task of a group that wraps what its tasks raise."""
    async with anyio.create_task_group() as group:
        group.start_soon(leave, message)


async def sleep(message: Message) -> None:
    """Take the seconds that the environment says."""
    await anyio.sleep(float(os.environ.get("SLEEP", "0")))
    await message.answer("awake")
