"""People who use the bot, through the driver API of the local Telegram."""

from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.waiting import until

Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """One Telegram user; what they do and what they see."""

    client: aiohttp.ClientSession
    telegram_url: str
    id: int

    async def says(self, text: str) -> Json:
        """Send a text to the bot."""
        return await self._post("messages", {"text": text})

    async def presses(self, message_id: int, data: str) -> Json:
        """Press a button of a message on the screen."""
        return await self._post("presses", {"message_id": message_id, "data": data})

    async def screen(self) -> Json:
        """What the chat shows now: messages in order, and answers to presses."""
        async with self.client.get(f"{self._url}/chat") as answer:
            shown: Json = await answer.json()
            return shown

    async def sees(self, text: str, *, after: int = 0, deadline: float = 15) -> Json:
        """Wait for a message of the bot, newer than `after`, that holds `text`; return it."""
        found: list[Json] = []

        async def shown() -> bool:
            messages = (await self.screen())["messages"]
            found[:] = [
                message
                for message in messages
                if message["from"]["is_bot"]
                and message["message_id"] > after
                and text in message.get("text", "")
            ]
            return bool(found)

        await until(shown, deadline=deadline)
        return found[-1]

    async def told(self, text: str) -> Json:
        """Wait for an answer to a press that holds `text`, and return it."""
        found: list[Json] = []

        async def shown() -> bool:
            answers = (await self.screen())["answers"]
            found[:] = [a for a in answers if text in (a.get("text") or "")]
            return bool(found)

        await until(shown)
        return found[-1]

    @property
    def _url(self) -> str:
        return f"{self.telegram_url}/sandbox/users/{self.id}"

    async def _post(self, what: str, body: Json) -> Json:
        async with self.client.post(f"{self._url}/{what}", json=body) as answer:
            done: Json = await answer.json()
            assert answer.status == 200, done
            return done


def buttons(message: Json) -> list[str]:
    """The data of a message's buttons, in order."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row]
