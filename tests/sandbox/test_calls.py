"""How a call reaches a bot's method: tokens, method names, and every way to send arguments."""

import aiohttp
import orjson
import pytest

from tests.sandbox.telegram import BOT_ID, KEYBOARD, Telegram, open_telegram
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
async def chat(telegram: Telegram) -> int:
    """A user who wrote to the bot."""
    await telegram.says(7, "hello")
    return 7


@pytest.mark.parametrize("token", ["nonsense", "42", ":abc", "42:", "x:abc"])
async def test_a_malformed_token_is_unauthorized(sandbox: Sandbox, token: str) -> None:
    async with open_telegram(sandbox, token) as stranger:
        assert await stranger.refused("getMe") == (401, "Unauthorized")


async def test_with_fixed_tokens_any_other_is_unauthorized() -> None:
    async with Sandbox(tokens=["42:token"]) as sandbox:
        async with open_telegram(sandbox) as known:
            assert (await known.call("getMe"))["id"] == 42
        async with open_telegram(sandbox, "42:guess") as stranger:
            assert await stranger.refused("getMe") == (401, "Unauthorized")


async def test_an_unknown_method_is_not_found(telegram: Telegram) -> None:
    assert await telegram.refused("sendTelepathy") == (404, "Not Found")


async def test_method_names_ignore_case(telegram: Telegram) -> None:
    assert (await telegram.call("GETME"))["id"] == BOT_ID


@pytest.mark.parametrize("way", ["json", "form", "multipart", "query"])
async def test_arguments_may_come_in_any_of_telegrams_ways(
    telegram: Telegram, chat: int, way: str
) -> None:
    markup = orjson.dumps(KEYBOARD).decode()
    fields = {"chat_id": str(chat), "text": "¿qué?", "reply_markup": markup}
    http, path = telegram.http, f"/bot{telegram.token}/sendMessage"
    form = aiohttp.FormData(fields)
    if way == "multipart":
        form.add_field("thumbnail", b"\x89PNG", filename="x.png")
    if way == "query":
        request = http.get(path, params=fields)
    else:
        request = http.post(path, json=fields) if way == "json" else http.post(path, data=form)
    async with request as response:
        answer = await response.json()
    assert answer["ok"] is True, answer
    assert answer["result"]["chat"]["id"] == chat
    assert answer["result"]["text"] == "¿qué?"
    assert answer["result"]["reply_markup"] == KEYBOARD


async def test_a_broken_body_is_refused_in_telegrams_envelope(telegram: Telegram) -> None:
    async with telegram.http.post(
        f"/bot{telegram.token}/getMe", data=b"{", headers={"Content-Type": "application/json"}
    ) as response:
        answer = await response.json()
    assert answer == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: can't parse request body",
    }
