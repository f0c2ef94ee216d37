"""A client of the sandbox: calls as a bot, and acts as its people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.waiting import until
from yabot.sandbox import Sandbox

TOKEN = "42:token"
BOT_ID = 42
Json = dict[str, Any]

KEYBOARD = {
    "inline_keyboard": [
        [
            {"text": "Left", "callback_data": "go:left"},
            {"text": "Right", "callback_data": "go:right"},
        ]
    ]
}


@dataclass
class Clock:
    """Seconds since the epoch, moved by the test."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Telegram:
    """One sandbox over HTTP."""

    http: aiohttp.ClientSession
    token: str = TOKEN

    async def answer(self, method: str, **parameters: object) -> tuple[int, Json]:
        """Call a Bot API method with a JSON body; the status and the whole answer."""
        async with self.http.post(f"/bot{self.token}/{method}", json=parameters) as response:
            return response.status, await response.json()

    async def call(self, method: str, **parameters: object) -> Any:
        """Call a Bot API method that must be accepted; its result."""
        status, answer = await self.answer(method, **parameters)
        assert status == 200, answer
        assert answer["ok"] is True
        return answer["result"]

    async def refused(self, method: str, **parameters: object) -> tuple[int, str]:
        """Call a Bot API method that must be refused; the error code and the description."""
        status, answer = await self.answer(method, **parameters)
        assert answer["ok"] is False, answer
        assert answer["error_code"] == status
        return status, answer["description"]

    async def drive(
        self,
        path: str,
        body: Json | None = None,
        *,
        http_method: str = "POST",
        status: int = 200,
    ) -> Json:
        """Use the driver API and expect a status."""
        async with self.http.request(http_method, f"/sandbox/{path}", json=body) as response:
            answer: Json = await response.json()
            assert response.status == status, answer
            return answer

    async def asks(self, path: str, status: int = 200) -> Json:
        """Read from the driver API and expect a status."""
        return await self.drive(path, http_method="GET", status=status)

    async def says(self, user: int, text: str, **more: object) -> Json:
        return await self.drive(f"users/{user}/messages", {"text": text, **more})

    async def presses(self, user: int, message_id: int, data: str, **more: object) -> Json:
        body = {"message_id": message_id, "data": data, **more}
        return await self.drive(f"users/{user}/presses", body)

    async def screen(self, user: int, chat: int = 0) -> Json:
        return await self.asks(f"users/{user}/chat?chat_id={chat}")

    async def texts(self, user: int, chat: int = 0) -> list[str]:
        return [message["text"] for message in (await self.screen(user, chat))["messages"]]

    async def sees(self, user: int, text: str) -> Json:
        """Wait until a message with that text is on a user's screen, and return it."""
        found: list[Json] = []

        async def shown() -> bool:
            found[:] = [m for m in (await self.screen(user))["messages"] if m["text"] == text]
            return bool(found)

        await until(shown)
        return found[-1]

    async def called(self) -> list[str]:
        """The methods that bots called so far."""
        return [call["method"] for call in (await self.asks("calls"))["calls"]]

    async def listening(self) -> bool:
        """Whether a poll of the bot waits now, or its webhook is set."""
        return any(bot["listening"] for bot in (await self.asks("stats"))["bots"])


@asynccontextmanager
async def open_telegram(sandbox: Sandbox, token: str = TOKEN) -> AsyncIterator[Telegram]:
    """A client of a running sandbox."""
    async with aiohttp.ClientSession(sandbox.url) as http:
        yield Telegram(http, token)
