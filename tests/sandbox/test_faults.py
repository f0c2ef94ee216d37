"""Trouble on order."""

import aiohttp
import anyio
import pytest

from tests.sandbox.telegram import Telegram

pytestmark = pytest.mark.anyio


@pytest.fixture
async def chat(telegram: Telegram) -> int:
    await telegram.says(7, "hello")
    return 7


async def test_a_429_says_when_to_come_back(telegram: Telegram, chat: int) -> None:
    await telegram.drive("faults", {"method": "sendMessage", "status": 429, "retry_after": 3})
    assert await telegram.answer("sendMessage", chat_id=chat, text="x") == (
        429,
        {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 3",
            "parameters": {"retry_after": 3},
        },
    )
    await telegram.call("sendMessage", chat_id=chat, text="x")


async def test_a_fault_hits_as_often_as_ordered(telegram: Telegram, chat: int) -> None:
    await telegram.drive("faults", {"method": "sendmessage", "status": 500, "times": 2})
    for _ in range(2):
        refusal = await telegram.refused("sendMessage", chat_id=chat, text="x")
        assert refusal == (500, "Internal Server Error")
    await telegram.call("sendMessage", chat_id=chat, text="x")


async def test_a_fault_without_end_lasts_until_it_is_cleared(telegram: Telegram) -> None:
    await telegram.drive("faults", {"status": 502, "times": 0})
    for _ in range(3):
        assert await telegram.refused("getMe") == (502, "Bad Gateway")
    await telegram.drive("faults", http_method="DELETE")
    await telegram.call("getMe")


async def test_a_fault_can_be_for_one_chat(telegram: Telegram, chat: int) -> None:
    await telegram.says(8, "hello")
    await telegram.drive("faults", {"chat_id": 8, "status": 429, "retry_after": 1, "times": 0})
    await telegram.call("sendMessage", chat_id=chat, text="x")
    assert (await telegram.refused("sendMessage", chat_id=8, text="x"))[0] == 429


@pytest.mark.parametrize(("drop", "applied"), [(True, False), ("before", False), ("after", True)])
async def test_a_connection_can_break_before_or_after_the_call_took_effect(
    telegram: Telegram, chat: int, drop: bool | str, applied: bool
) -> None:
    await telegram.drive("faults", {"method": "sendMessage", "drop": drop})
    with pytest.raises(aiohttp.ClientError):
        await telegram.answer("sendMessage", chat_id=chat, text="sent?")
    assert ("sent?" in await telegram.texts(7)) is applied


async def test_a_delayed_call_takes_effect_late(telegram: Telegram, chat: int) -> None:
    await telegram.drive("faults", {"method": "sendMessage", "delay": 0.2})
    started = anyio.current_time()
    await telegram.call("sendMessage", chat_id=chat, text="late")
    assert anyio.current_time() - started >= 0.2


async def test_open_faults_are_listed(telegram: Telegram) -> None:
    await telegram.drive("faults", {"method": "getMe", "status": 500, "times": 2})
    await telegram.refused("getMe")
    (fault,) = (await telegram.asks("faults"))["faults"]
    assert (fault["method"], fault["times"]) == ("getme", 1)
