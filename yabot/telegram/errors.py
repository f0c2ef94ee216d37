"""What becomes of an error that a handler raises.

The rule: its details go to the log, never to the user, who gets one short text in their language.
It is nobody's answer: the bot's own error handlers see it next, and the turn fails in any case.
"""

import structlog
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.types import ErrorEvent

from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.users.turn import Turn

log = structlog.get_logger(__name__)


def is_passing(error: BaseException) -> bool:
    """Whether the trouble is outside and waiting helps."""
    return getattr(error, "retry_after", None) is not None


def text_for(error: BaseException, language: Language) -> str:
    """What a user is told about an error."""
    return say(language, "in_a_moment" if is_passing(error) else "went_wrong")


class ErrorHandler:
    """The first of a dispatcher's error handlers: logs the error and passes it on."""

    async def handle(self, event: ErrorEvent, turn: Turn) -> object:
        """Log one line; the traceback is in the report of the actor's crash."""
        log.warning(
            "handler.failed",
            key=turn.key,
            user=turn.user_id,
            update_type=event.update.event_type,
            error=repr(event.exception),
        )
        return UNHANDLED
