"""What the bot does in the chat: ordinary aiogram handlers, a file for each feature.

The rule of this folder: a handler changes nothing but through the services it is given. It runs
inside its user's turn, so what it changes and what it says leave together or not at all.
"""

from aiogram import Router

from yabot.telegram.handlers import fallback, gifts, menus, privacy, settings, shop, story
from yabot.telegram.handlers.commands import CommandHandler


def routers() -> list[Router]:
    """All routers, in the order in which they are asked; the last one answers what is left."""
    return [
        privacy.router(),
        CommandHandler().router(),
        story.router(),
        menus.router(),
        shop.router(),
        gifts.router(),
        settings.router(),
        fallback.router(),
    ]
