"""getUpdates, as the real server answers it."""

import anyio
import pytest

from tests.sandbox.telegram import Clock, Telegram, open_telegram
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def texts(updates: list[dict[str, dict[str, str]]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


async def test_only_a_later_offset_confirms(telegram: Telegram) -> None:
    for text in ("one", "two", "three"):
        await telegram.says(7, text)
    first = await telegram.call("getUpdates")
    assert texts(first) == ["one", "two", "three"]
    assert await telegram.call("getUpdates") == first
    rest = await telegram.call("getUpdates", offset=first[1]["update_id"])
    assert texts(rest) == ["two", "three"]
    assert texts(await telegram.call("getUpdates", offset=first[2]["update_id"] + 1)) == []
    assert await telegram.call("getUpdates") == []


async def test_a_negative_offset_forgets_all_but_the_newest(telegram: Telegram) -> None:
    for text in ("one", "two", "three"):
        await telegram.says(7, text)
    assert texts(await telegram.call("getUpdates", offset=-2)) == ["two", "three"]
    assert texts(await telegram.call("getUpdates")) == ["two", "three"]


async def test_a_limit_is_kept_between_1_and_100(telegram: Telegram) -> None:
    for number in range(102):
        await telegram.says(7, str(number))
    assert len(await telegram.call("getUpdates", limit=2)) == 2
    assert len(await telegram.call("getUpdates", limit=0)) == 1
    assert len(await telegram.call("getUpdates", limit=1000)) == 100


async def test_a_long_poll_ends_when_an_update_comes(telegram: Telegram) -> None:
    got: list[str] = []

    async def poll() -> None:
        got.extend(texts(await telegram.call("getUpdates", timeout=30)))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poll)
            await until(telegram.listening)
            await telegram.says(7, "hello")
    assert got == ["hello"]


async def test_a_long_poll_without_updates_ends_empty_at_its_timeout(telegram: Telegram) -> None:
    started = anyio.current_time()
    assert await telegram.call("getUpdates", timeout=1) == []
    assert anyio.current_time() - started >= 0.9


async def test_a_second_poller_ends_the_first_one_with_a_conflict(telegram: Telegram) -> None:
    refusals: list[tuple[int, str]] = []

    async def first() -> None:
        refusals.append(await telegram.refused("getUpdates", timeout=30))

    async def second() -> None:
        assert texts(await telegram.call("getUpdates", timeout=30)) == ["hello"]

    async def interrupted() -> bool:
        return bool(refusals)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await until(telegram.listening)
            tasks.start_soon(second)
            await until(interrupted)
            await telegram.says(7, "hello")
    assert refusals == [
        (
            409,
            "Conflict: terminated by other getUpdates request;"
            " make sure that only one bot instance is running",
        )
    ]


async def test_polling_conflicts_with_a_webhook(telegram: Telegram) -> None:
    await telegram.call("setWebhook", url="http://127.0.0.1:9/hook")
    assert await telegram.refused("getUpdates") == (
        409,
        "Conflict: can't use getUpdates method while webhook is active;"
        " use deleteWebhook to delete the webhook first",
    )
    await telegram.call("deleteWebhook")
    assert await telegram.call("getUpdates") == []


async def test_setting_a_webhook_ends_a_waiting_poll(telegram: Telegram) -> None:
    refusals: list[tuple[int, str]] = []

    async def poll() -> None:
        refusals.append(await telegram.refused("getUpdates", timeout=30))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(poll)
            await until(telegram.listening)
            await telegram.call("setWebhook", url="http://127.0.0.1:9/hook")
    assert refusals == [(409, "Conflict: terminated by setWebhook request")]


async def test_asking_for_the_same_offset_again_at_once_gets_one_update() -> None:
    async with Sandbox() as sandbox, open_telegram(sandbox) as telegram:
        for text in ("one", "two", "three"):
            await telegram.says(7, text)
        assert len(await telegram.call("getUpdates")) == 3
        again = await telegram.call("getUpdates")
        assert texts(again) == ["one"]
        assert len(await telegram.call("getUpdates", offset=again[0]["update_id"] + 1)) == 2


async def test_updates_of_unwanted_kinds_are_not_made(telegram: Telegram) -> None:
    await telegram.call("getUpdates", allowed_updates=["callback_query"])
    assert (await telegram.says(7, "unheard"))["update_id"] is None
    message = await telegram.call("sendMessage", chat_id=7, text="hi", reply_markup=BUTTON)
    await telegram.presses(7, message["message_id"], "x")
    updates = await telegram.call("getUpdates")
    assert [sorted(update) for update in updates] == [["callback_query", "update_id"]]
    await telegram.call("getUpdates", offset=updates[0]["update_id"] + 1, allowed_updates=[])
    assert (await telegram.says(7, "heard"))["update_id"] is not None


async def test_messages_expire_after_a_day_and_presses_after_150_seconds(
    telegram: Telegram, clock: Clock
) -> None:
    await telegram.says(7, "hello")
    message = await telegram.call("sendMessage", chat_id=7, text="hi", reply_markup=BUTTON)
    await telegram.presses(7, message["message_id"], "x")
    clock.now += 149
    assert len(await telegram.call("getUpdates")) == 2
    clock.now += 2
    assert texts(await telegram.call("getUpdates")) == ["hello"]
    clock.now += 86_400
    assert await telegram.call("getUpdates") == []
    assert (await telegram.call("getWebhookInfo"))["pending_update_count"] == 0


async def test_updates_before_the_first_call_wait_for_the_bot_that_comes(
    telegram: Telegram,
) -> None:
    await telegram.says(7, "is anybody there?")
    assert texts(await telegram.call("getUpdates")) == ["is anybody there?"]
    assert (await telegram.screen(7))["bot"]["id"] == 42


BUTTON = {"inline_keyboard": [[{"text": "Press", "callback_data": "x"}]]}
