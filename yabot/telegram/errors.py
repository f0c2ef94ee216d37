"""What becomes of an error that a handler raises.

The rule: its details go to the log, never to the user. It is nobody's answer: the bot's own error
handlers see it next, and the turn fails in any case; who gives the update up tells the user.
"""

import structlog
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.types import ErrorEvent

from yabot.users.turn import Turn

log = structlog.get_logger(__name__)


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
