"""A bot with one more group of subscribers, which writes down every event that it is told.

The rule: an event is written down before its handling ends, so what is missing was never told.
"""

import os
from pathlib import Path

from yabot.app import BotApplication
from yabot.config import ConfigManager
from yabot.events.base import BaseEvent
from yabot.events.bus import EventBus
from yabot.events.delivery import EVERY_EVENT
from yabot.running import run_application

FILE = "events.told"
"""One line an event, in the order of telling: its user and its place among that user's events."""


def subscribe(bus: EventBus) -> None:
    """Add the group."""
    file = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def write_down(event: BaseEvent) -> None:
        os.write(file, f"{event.user_id} {event.sequence}\n".encode())

    bus.subscribe(EVERY_EVENT, write_down, group="recording")


def recording() -> None:
    """The entry of this bot."""
    run_application(BotApplication(ConfigManager.load(), subscribe=subscribe), say=print)


def told_events(folder: Path) -> dict[str, list[int]]:
    """What the group was told, by user, in order."""
    told: dict[str, list[int]] = {}
    for line in (folder / FILE).read_text().splitlines():
        user_id, sequence = line.split()
        told.setdefault(user_id, []).append(int(sequence))
    return told
