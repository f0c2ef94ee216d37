"""'In a moment': for who writes while it can't be known whether they are new.

Such an update waits in the inbox until the store is back, and no turn can say so: there is none
yet. So this leaves by itself. The rule: once for each wait, and never for a short one.
"""

from collections.abc import Awaitable, Callable

import orjson

from yabot.domain.texts import say
from yabot.domain.user import Language
from yabot.domain.users import language_of
from yabot.users.give_up import chat_to_tell
from yabot.users.ports import Mail

PATIENCE = 1.5
"""Seconds of waiting that nobody is told of."""

SendNow = Callable[[str, bytes], Awaitable[None]]
"""Calls a method of the Bot API with a JSON object, outside of any commit; it never fails."""


async def send_nothing(_method: str, _params: bytes) -> None:
    """For users who can't be told anything."""


class Reassurance:
    """The one message of one wait; `waited` is called with each further pause, in seconds."""

    def __init__(self, mail: Mail, send_now: SendNow, default_language: Language) -> None:
        self._mail = mail
        self._send_now = send_now
        self._default_language = default_language
        self._waited = 0.0
        self._told = False

    async def waited(self, seconds: float) -> None:
        """Count the pause, and tell the person when it has become too long."""
        self._waited += seconds
        if self._told or self._waited < PATIENCE:
            return
        self._told = True
        chat_id = chat_to_tell(self._mail)
        if chat_id is not None:
            text = say(self._language(), "in_a_moment")
            params = orjson.dumps({"chat_id": chat_id, "text": text})
            await self._send_now("sendMessage", params)

    def _language(self) -> Language:
        """That of the person's Telegram, for nothing else is known of them."""
        for event in self._mail.update.values():
            sender = event.get("from") if isinstance(event, dict) else None
            if isinstance(sender, dict):
                return language_of(sender.get("language_code"), self._default_language)
        return self._default_language
