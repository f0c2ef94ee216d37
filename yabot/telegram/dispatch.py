"""aiogram's dispatcher, run inside a turn.

The rule: handlers are ordinary aiogram code and can't tell; what they send is recorded, what they
raise fails the turn, even where an error handler of theirs swallows it.
"""

from collections.abc import Iterable, Mapping

import structlog
from aiogram import Bot, Dispatcher, Router
from aiogram.dispatcher.event.bases import CancelHandler, SkipHandler
from aiogram.fsm.storage.memory import DisabledEventIsolation
from aiogram.methods import TelegramMethod

from yabot.domain.user import Language
from yabot.telegram import middleware
from yabot.telegram.bot import TurnBot
from yabot.telegram.errors import ErrorHandler
from yabot.telegram.magic import answer_in_loop
from yabot.telegram.parsing import parse
from yabot.telegram.routes import Routes
from yabot.telegram.storage import TurnStorage
from yabot.users.turn import Turn

log = structlog.get_logger(__name__)


def build_dispatcher(
    routers: Iterable[Router], *, default_language: Language, data: Mapping[str, object]
) -> Dispatcher:
    """The bot's dispatcher over fresh routers; `data` reaches handlers by name.

    So does `default_language`, for whoever is not known.
    """
    dispatcher = Dispatcher(storage=TurnStorage(), events_isolation=DisabledEventIsolation())
    dispatcher.workflow_data.update(data, default_language=default_language)
    dispatcher.errors.register(ErrorHandler().handle)
    dispatcher.include_routers(*routers)
    middleware.install(dispatcher, default_language=default_language)
    answer_in_loop(dispatcher)
    return dispatcher


def allowed_updates(dispatcher: Dispatcher) -> list[str]:
    """The kinds of updates that have a handler; Telegram sends no other."""
    return dispatcher.resolve_used_update_types()


class TurnHandler:
    """The `Handle` port over a dispatcher: one update, inside one turn."""

    def __init__(self, bot: Bot, dispatcher: Dispatcher) -> None:
        """`bot` is the real one, `direct_bot` to handlers; their `bot` is a copy that records."""
        self._bot = bot
        self._routes = Routes(dispatcher)

    async def __call__(self, turn: Turn, update: Mapping[str, object]) -> None:
        """Handle the update. Raises what a handler raised, also if an error handler caught it.

        An update without a handler, or of a kind that aiogram does not know, changes nothing.
        """
        bot = TurnBot.of(self._bot, turn)
        event = parse(update, bot)
        if not event.event_type:
            log.info("update.unknown_kind", update_id=event.update_id, fields=sorted(update))
            return
        data = {"turn": turn, "direct_bot": self._bot, "user": turn.user}
        try:
            result = await self._routes.feed(bot, event, data)
            if isinstance(result, TelegramMethod):
                await bot(result)
        except (SkipHandler, CancelHandler):
            pass
        except Exception as error:
            turn.fail(error)
        if turn.failure is not None:
            raise turn.failure
