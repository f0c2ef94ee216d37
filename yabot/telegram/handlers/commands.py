"""CommandHandler: the commands that start with a slash."""

from aiogram import Router
from aiogram.filters import Command, CommandStart
from aiogram.types import Message

from yabot.domain.decision import Rejected
from yabot.domain.texts import say
from yabot.domain.user import User
from yabot.services.coordinator import CoordinatorService
from yabot.services.narrative import NarrativeService
from yabot.telegram.handlers.keyboards import menu_keyboard
from yabot.telegram.handlers.screens import fragment_screen, menu_screen, refuse, send
from yabot.users.turn import Turn

COMMANDS = (
    "start",
    "menu",
    "story",
    "besitos",
    "daily",
    "gift",
    "shop",
    "settings",
    "mydata",
    "forget",
    "help",
)
"""The commands that the chat's menu lists, in order."""

OPENED_BY = {"menu": "main_menu", "besitos": "besitos", "shop": "shop", "settings": "settings"}


class CommandHandler:
    """Answers each command with the screen that it stands for."""

    def router(self) -> Router:
        """A router with every command."""
        router = Router(name="commands")
        router.message.register(self.start, CommandStart())
        router.message.register(self.story, Command("story"))
        router.message.register(self.daily, Command("daily"))
        router.message.register(self.help, Command("help"))
        for command in OPENED_BY:
            router.message.register(self.menu, Command(command))
        return router

    async def start(
        self, message: Message, user: User, turn: Turn, coordinator: CoordinatorService
    ) -> None:
        """Welcome the user and show the main menu."""
        new = user.profile.registration_date == turn.now
        await coordinator.process_user_interaction(user.user_id, "main_menu")
        name = user.profile.first_name or "🙂"
        await message.answer(
            say(user.language, "welcome" if new else "welcome_back", name=name),
            reply_markup=menu_keyboard(user.language, "main_menu"),
        )

    async def menu(self, message: Message, user: User, coordinator: CoordinatorService) -> None:
        """Show the menu that the command names."""
        menu = OPENED_BY[(message.text or "").split("@")[0].split()[0].lstrip("/").lower()]
        await coordinator.process_user_interaction(user.user_id, menu)
        await send(message, menu_screen(user, menu))

    async def story(self, message: Message, user: User, narrative: NarrativeService) -> None:
        """Show the fragment where the user is."""
        outcome = await narrative.resume(user)
        if isinstance(outcome, Rejected):
            await refuse(message, user, outcome)
        else:
            fragment, _ = outcome
            await send(message, fragment_screen(user, fragment))

    async def daily(self, message: Message, user: User, coordinator: CoordinatorService) -> None:
        """Give the daily gift."""
        outcome = await coordinator.process_user_interaction(user.user_id, "daily")
        if isinstance(outcome, Rejected):
            await refuse(message, user, outcome)
        else:
            earned, balance = outcome.user.balance - user.balance, outcome.user.balance
            await message.answer(say(user.language, "daily_given", amount=earned, balance=balance))

    async def help(self, message: Message, user: User, coordinator: CoordinatorService) -> None:
        """Say what the bot can do."""
        await coordinator.process_user_interaction(user.user_id, "help")
        await send(message, menu_screen(user, "help"))
