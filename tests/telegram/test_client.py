"""One call is one request, and each way it can fail is one of three errors."""

import base64

import anyio
import orjson
import pytest

from tests.telegram.server import TOKEN, BotApi, Scripted, error, ok
from yabot.errors import ConfigError, TelegramRefused, TelegramUnavailable
from yabot.telegram.client import TelegramClient

pytestmark = pytest.mark.anyio


async def test_a_call_posts_its_json_and_gives_the_result(api: BotApi) -> None:
    api.script("sendMessage", ok({"message_id": 5}))
    async with TelegramClient(TOKEN, api.url) as client:
        assert await client.call("sendMessage", b'{"chat_id":7}') == {"message_id": 5}
        assert await client.call("getMe") is True
    assert api.of("sendMessage") == [{"chat_id": 7}]


async def test_uploads_travel_as_files_and_structures_as_json(api: BotApi) -> None:
    params = {
        "$uploads": {
            "file0": {"filename": "a.png", "base64": base64.b64encode(b"pixels").decode()}
        },
        "chat_id": 7,
        "photo": "attach://file0",
        "reply_markup": {"inline_keyboard": []},
        "has_spoiler": True,
    }
    async with TelegramClient(TOKEN, api.url) as client:
        await client.call("sendPhoto", orjson.dumps(params))
    (call,) = api.calls
    assert call.files == {"file0": b"pixels"}
    assert call.fields == {
        "chat_id": "7",
        "photo": "attach://file0",
        "reply_markup": '{"inline_keyboard":[]}',
        "has_spoiler": "true",
    }


@pytest.mark.parametrize("code", [400, 403, 404, 413])
async def test_what_telegram_will_never_accept_is_refused(api: BotApi, code: int) -> None:
    api.script("sendMessage", error(code, "Bad Request: chat not found"))
    async with TelegramClient(TOKEN, api.url) as client:
        with pytest.raises(TelegramRefused, match="chat not found") as refused:
            await client.call("sendMessage")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("answer", "retry_after"),
    [
        (error(429, "Too Many Requests", 7), 7.0),
        (error(409, "Conflict: terminated by other getUpdates request"), None),
        (error(500, "Internal Server Error"), None),
        (Scripted(502, b"<html>Bad Gateway</html>"), None),
        (Scripted(200, b"[]"), None),
        (Scripted(drop=True), None),
    ],
    ids=["flood", "conflict", "internal", "gateway", "nonsense", "dropped"],
)
async def test_what_may_be_accepted_later_is_unavailable(
    api: BotApi, answer: Scripted, retry_after: float | None
) -> None:
    api.script("sendMessage", answer)
    async with TelegramClient(TOKEN, api.url) as client:
        with pytest.raises(TelegramUnavailable) as away:
            await client.call("sendMessage")
    assert away.value.retry_after == retry_after


async def test_nobody_there_and_nobody_answering_are_unavailable(api: BotApi) -> None:
    api.script("getMe", Scripted(before=lambda: anyio.sleep(5)))
    async with TelegramClient(TOKEN, api.url) as client:
        with pytest.raises(TelegramUnavailable, match="out of reach"):
            await client.call("getMe", timeout=0.05)
    async with TelegramClient(TOKEN, "http://127.0.0.1:1") as client:
        with pytest.raises(TelegramUnavailable, match="out of reach"):
            await client.call("getMe")


async def test_a_bad_token_is_a_mistake_of_the_settings_and_is_not_shown(api: BotApi) -> None:
    async with TelegramClient("43:WRONG", api.url) as client:
        with pytest.raises(ConfigError, match="BOT_TOKEN") as wrong:
            await client.call("getMe")
    assert "WRONG" not in str(wrong.value)


async def test_a_token_of_a_wrong_shape_is_not_found_and_is_the_settings_fault(
    api: BotApi,
) -> None:
    api.script("getMe", error(404, "Not Found"))
    async with TelegramClient(TOKEN, api.url) as client:
        with pytest.raises(ConfigError, match="BOT_TOKEN"):
            await client.call("getMe")


async def test_the_token_is_not_in_the_text_of_an_error() -> None:
    async with TelegramClient(TOKEN, "http://127.0.0.1:1") as client:
        with pytest.raises(TelegramUnavailable) as away:
            await client.call("getMe")
    assert "TESTTEST" not in str(away.value)
