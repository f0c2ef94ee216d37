"""One chat as its people see it.

The rule: a screen only holds what is shown; who may change it is decided by the callers. Messages
are held as JSON text: a load run leaves millions of them, and nobody looks inside most.
"""

from collections import deque
from dataclasses import dataclass, field

import orjson

Message = dict[str, object]

LENGTH = 200
ACTION_LIFETIME = 5.0


@dataclass(slots=True)
class Screen:
    """The messages of one chat with one bot by id, oldest first, and what is around them.

    keyboard: the reply keyboard that the bot put under the input field, if any.
    action: what the bot is doing ('typing'), until `action_until`, seconds since the epoch.
    answers: answers to callback queries, newest last, each with the user's id.
    """

    chat_id: int
    messages: dict[int, bytes] = field(default_factory=dict)
    keyboard: dict[str, object] | None = None
    action: str = ""
    action_until: float = 0.0
    answers: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=100))

    def message(self, message_id: int) -> Message | None:
        """A copy of the message with that id, if it is shown."""
        body = self.messages.get(message_id)
        if body is None:
            return None
        message: Message = orjson.loads(body)
        return message

    def add(self, message_id: int, message: bytes) -> int | None:
        """Show a message at the end; the id of the oldest one when it scrolled out."""
        self.messages[message_id] = message
        if len(self.messages) <= LENGTH:
            return None
        oldest = next(iter(self.messages))
        del self.messages[oldest]
        return oldest

    def doing(self, now: float) -> str:
        """The bot's current chat action, or ''."""
        return self.action if now < self.action_until else ""
