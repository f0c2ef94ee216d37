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
from aiogram.types import Update

from yabot.domain.user import Language
from yabot.telegram import middleware
from yabot.telegram.bot import TurnBot
from yabot.telegram.errors import ErrorHandler
from yabot.telegram.magic import answer_in_loop
from yabot.telegram.storage import TurnStorage
from yabot.users.turn import Turn

KINDS = tuple(name for name in Update.model_fields if name != "update_id")
"""Every kind of update that the installed aiogram knows."""

log = structlog.get_logger(__name__)


class TurnUpdate(Update):
    """An update that names its kind by looking, not by a cache that compares whole models."""

    @property
    def event_type(self) -> str:
        """The field that is set; an empty string for a kind newer than aiogram."""
        fields = self.__dict__
        return next((kind for kind in KINDS if fields[kind] is not None), "")


def build_dispatcher(
    routers: Iterable[Router], *, default_language: Language, data: Mapping[str, object]
) -> Dispatcher:
    """The bot's dispatcher over fresh routers; `data` reaches handlers by name."""
    dispatcher = Dispatcher(storage=TurnStorage(), events_isolation=DisabledEventIsolation())
    dispatcher.workflow_data.update(data)
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
        self._dispatcher = dispatcher

    async def __call__(self, turn: Turn, update: Mapping[str, object]) -> None:
        """Handle the update. Raises what a handler raised, also if an error handler caught it.

        An update without a handler, or of a kind that aiogram does not know, changes nothing.
        """
        bot = TurnBot.of(self._bot, turn)
        event = TurnUpdate.model_validate(update, context={"bot": bot})
        if not event.event_type:
            log.info("update.unknown_kind", update_id=event.update_id, fields=sorted(update))
            return
        try:
            await self._feed(turn, bot, event)
        except (SkipHandler, CancelHandler):
            pass
        except Exception as error:
            turn.fail(error)
        if turn.failure is not None:
            raise turn.failure

    async def _feed(self, turn: Turn, bot: TurnBot, event: TurnUpdate) -> None:
        result = await self._dispatcher.feed_update(
            bot, event, turn=turn, direct_bot=self._bot, user=turn.user
        )
        if isinstance(result, TelegramMethod):
            await bot(result)
