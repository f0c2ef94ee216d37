"""The chat page of the local Telegram in a real browser: what a bot says is what a person sees."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect

from tests.pages.browser import page
from tests.sandbox.telegram import KEYBOARD, Json, Telegram, open_telegram
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.pages]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(throttle_repeated_offset=False) as sandbox:
        yield sandbox


@pytest.fixture
async def telegram(sandbox: Sandbox) -> AsyncIterator[Telegram]:
    async with open_telegram(sandbox) as client:
        yield client


@pytest.fixture
async def shown() -> AsyncIterator[Page]:
    async with page() as shown:
        yield shown


def messages(shown: Page) -> Locator:
    """What Ana's panel shows of her chat."""
    return shown.get_by_role("log", name="Messages of Ana")


async def ana(shown: Page) -> int:
    """The id of the user that the page made for Ana."""
    await shown.wait_for_function("localStorage['sandbox.panels']?.includes('Ana')")
    number = await shown.evaluate("JSON.parse(localStorage['sandbox.panels'])[0].id")
    assert isinstance(number, int)
    return number


async def pressed(telegram: Telegram) -> Json:
    """The press that the bot is told of, once it is."""
    found: list[Json] = []

    async def told() -> bool:
        updates = await telegram.call("getUpdates")
        found[:] = [u["callback_query"] for u in updates if "callback_query" in u]
        return bool(found)

    await until(told)
    return found[-1]


async def test_who_enters_a_name_can_start_the_bot_with_the_keyboard_alone(
    shown: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    await telegram.call("setMyName", name="Diana")
    await shown.goto(sandbox.url)
    await expect(shown.get_by_label("Your name")).to_be_focused()
    await shown.keyboard.type("Ana")
    await shown.keyboard.press("Enter")
    user = await ana(shown)
    await expect(shown.get_by_role("button", name="START", exact=True)).to_be_focused()
    await shown.keyboard.press("Enter")

    async def started() -> bool:
        return await telegram.texts(user) == ["/start"]

    await until(started)


async def test_a_button_is_busy_until_its_press_is_answered_and_goes_with_its_message(
    shown: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    await shown.goto(f"{sandbox.url}/?users=Ana")
    user = await ana(shown)
    await telegram.says(user, "/start")
    sent = await telegram.call("sendMessage", chat_id=user, text="Where?", reply_markup=KEYBOARD)
    await expect(messages(shown)).to_contain_text("Where?")
    left = messages(shown).get_by_role("button", name="Left", exact=True)
    await left.click()
    query = await pressed(telegram)
    assert query["data"] == "go:left"
    await expect(left).to_have_attribute("aria-busy", "true")
    await telegram.call("answerCallbackQuery", callback_query_id=query["id"], text="Left it is")
    await expect(shown.get_by_text("Left it is")).to_be_visible()
    await expect(left).not_to_have_attribute("aria-busy", "true")
    where = {"chat_id": user, "message_id": sent["message_id"]}
    await telegram.call("editMessageText", text="A garden.", **where)
    await expect(messages(shown)).to_contain_text("A garden.")
    await expect(messages(shown)).not_to_contain_text("Where?")
    await expect(messages(shown).get_by_role("group", name="Buttons")).to_have_count(0)


async def test_an_alert_is_a_dialog(shown: Page, sandbox: Sandbox, telegram: Telegram) -> None:
    await shown.goto(f"{sandbox.url}/?users=Ana")
    user = await ana(shown)
    await telegram.says(user, "/start")
    await telegram.call("sendMessage", chat_id=user, text="Where?", reply_markup=KEYBOARD)
    await messages(shown).get_by_role("button", name="Right", exact=True).click()
    query = (await pressed(telegram))["id"]
    answer = {"callback_query_id": query, "text": "No way!", "show_alert": True}
    await telegram.call("answerCallbackQuery", **answer)
    dialog = shown.get_by_role("dialog").filter(has_text="No way!")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="OK").click()
    await expect(dialog).to_be_hidden()


async def test_text_is_never_taken_for_markup(
    shown: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    hostile = "<img src=x onerror='document.title=1'> <b>not bold</b>"
    await shown.goto(f"{sandbox.url}/?users=Ana")
    user = await ana(shown)
    await telegram.says(user, hostile)
    link = {"type": "text_link", "offset": 0, "length": 4, "url": "javascript:alert(1)"}
    await telegram.call("sendMessage", chat_id=user, text="😀 <i>", entities=[link])
    bold = "<b>really <i>bold</i></b>"
    await telegram.call("sendMessage", chat_id=user, text=bold, parse_mode="HTML")
    await expect(messages(shown).get_by_role("article")).to_have_count(3)
    await expect(messages(shown)).to_contain_text(hostile)
    await expect(messages(shown)).to_contain_text("😀 <i>")
    await expect(shown.locator("img")).to_have_count(0)
    await expect(messages(shown).locator("a")).to_have_count(0)
    assert await messages(shown).locator("b").inner_html() == "really <i>bold</i>"
    assert await shown.title() != "1"


async def test_panels_come_back_with_the_page(
    shown: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    await shown.goto(f"{sandbox.url}/?users=Ana,Luis")
    user = await ana(shown)
    await telegram.says(user, "remember me")
    await shown.goto(sandbox.url)
    await expect(shown.get_by_role("region", name="Chat as")).to_have_count(2)
    await expect(messages(shown)).to_contain_text("remember me")


async def test_a_lost_connection_is_shown_and_heals(shown: Page) -> None:
    lost = shown.get_by_role("alert").filter(has_text="Connection lost")
    async with Sandbox() as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[-1])
        await shown.goto(f"{sandbox.url}/?users=Ana")
        user = await ana(shown)
        await expect(shown.get_by_role("status").filter(has_text="No bot yet")).to_be_visible()
    await expect(lost).to_be_visible(timeout=15_000)
    async with Sandbox(port=port) as sandbox, open_telegram(sandbox) as telegram:
        await expect(lost).to_be_hidden(timeout=15_000)

        async def introduced() -> bool:
            return bool((await telegram.screen(user))["user"]["first_name"] == "Ana")

        await until(introduced)
        await telegram.says(user, "here again")
        await expect(messages(shown)).to_contain_text("here again")
