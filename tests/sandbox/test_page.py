"""The chat page in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.sandbox.browser import Page, chromium, open_page
from tests.sandbox.telegram import KEYBOARD, Telegram, open_telegram
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.pages,
    pytest.mark.skipif(chromium() is None, reason="needs a Chromium"),
]

LOG = "document.querySelector('[aria-label=\"Messages of Ana\"]')"
KEYS = f"[...{LOG}.querySelectorAll('.key')]"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with open_page(tmp_path / "profile") as page:
        yield page
        assert page.errors == []


async def ana(page: Page) -> int:
    """The id of the user that the page made for Ana."""
    await page.shows("localStorage['sandbox.panels']?.includes('Ana')")
    number = await page.run("JSON.parse(localStorage['sandbox.panels'])[0].id")
    assert isinstance(number, int)
    return number


async def test_a_user_starts_presses_and_sees_the_answer(
    page: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    await telegram.call("setMyName", name="Diana")
    await page.open(sandbox.url)
    await page.shows("document.activeElement.getAttribute('aria-label') === 'Your name'")
    await page.writes("Ana")
    user = await ana(page)
    await page.shows("document.activeElement.textContent === 'START'")
    await page.presses("Enter", "\r", 13)

    async def started() -> bool:
        return await telegram.texts(user) == ["/start"]

    await until(started)
    sent = await telegram.call("sendMessage", chat_id=user, text="Where?", reply_markup=KEYBOARD)
    await page.shows(f"{LOG}.innerText.includes('Where?')")
    await page.run(f"{KEYS}.find(key => key.textContent === 'Left').click()")

    async def pressed() -> bool:
        return any("callback_query" in u for u in await telegram.call("getUpdates"))

    await until(pressed)
    assert await page.run(f"{KEYS}[0].getAttribute('aria-busy')") == "true"
    query = (await telegram.call("getUpdates"))[-1]["callback_query"]
    assert query["data"] == "go:left"
    await telegram.call("answerCallbackQuery", callback_query_id=query["id"], text="Left it is")
    await page.shows("document.querySelector('.toast')?.textContent === 'Left it is'")
    assert await page.run(f"{KEYS}[0].getAttribute('aria-busy')") is None
    where = {"chat_id": user, "message_id": sent["message_id"]}
    await telegram.call("editMessageText", text="A garden.", **where)
    await page.shows(f"{LOG}.innerText.includes('A garden.') && {KEYS}.length === 0")
    assert "Where?" not in await page.run(f"{LOG}.innerText")


async def test_an_alert_is_a_dialog(page: Page, sandbox: Sandbox, telegram: Telegram) -> None:
    await page.open(f"{sandbox.url}/?users=Ana")
    user = await ana(page)
    await telegram.says(user, "/start")
    await telegram.call("sendMessage", chat_id=user, text="Where?", reply_markup=KEYBOARD)
    await page.shows(f"{KEYS}.length === 2")
    await page.run(f"{KEYS}[1].click()")

    async def pressed() -> bool:
        return len(await telegram.call("getUpdates")) == 2

    await until(pressed)
    query = (await telegram.call("getUpdates"))[-1]["callback_query"]["id"]
    answer = {"callback_query_id": query, "text": "No way!", "show_alert": True}
    await telegram.call("answerCallbackQuery", **answer)
    await page.shows("document.querySelector('#alert').open")
    assert "No way!" in await page.run("document.querySelector('#alert').innerText")


async def test_text_is_never_taken_for_markup(
    page: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    hostile = "<img src=x onerror='document.title=1'> <b>not bold</b>"
    await page.open(f"{sandbox.url}/?users=Ana")
    user = await ana(page)
    await telegram.drive(f"users/{user}/messages", {"text": hostile})
    link = {"type": "text_link", "offset": 0, "length": 4, "url": "javascript:alert(1)"}
    await telegram.call("sendMessage", chat_id=user, text="😀 <i>", entities=[link])
    bold = "<b>really <i>bold</i></b>"
    await telegram.call("sendMessage", chat_id=user, text=bold, parse_mode="HTML")
    await page.shows(f"{LOG}.querySelectorAll('.message').length === 3")
    assert hostile in await page.run(f"{LOG}.innerText")
    assert await page.run("document.querySelectorAll('img').length") == 0
    assert await page.run(f"{LOG}.querySelectorAll('a').length") == 0
    assert await page.run(f"{LOG}.querySelector('b').innerHTML") == "really <i>bold</i>"


async def test_panels_come_back_with_the_page(
    page: Page, sandbox: Sandbox, telegram: Telegram
) -> None:
    await page.open(f"{sandbox.url}/?users=Ana,Luis")
    user = await ana(page)
    await telegram.says(user, "remember me")
    await page.open(sandbox.url)
    await page.shows("document.querySelectorAll('.panel').length === 2")
    await page.shows(f"{LOG}?.innerText.includes('remember me')")


async def test_a_lost_connection_is_shown_and_heals(page: Page) -> None:
    async with Sandbox() as sandbox:
        port = int(sandbox.url.rsplit(":", 1)[-1])
        await page.open(f"{sandbox.url}/?users=Ana")
        await ana(page)
        await page.shows("document.querySelector('#status').innerText.includes('No bot yet')")
    await page.shows("!document.querySelector('#lost').hidden")
    async with Sandbox(port=port) as sandbox, open_telegram(sandbox) as telegram:
        await page.shows("document.querySelector('#lost').hidden")
        user = await ana(page)

        async def introduced() -> bool:
            return bool((await telegram.screen(user))["user"]["first_name"] == "Ana")

        await until(introduced)
        await telegram.says(user, "here again")
        await page.shows(f"{LOG}.innerText.includes('here again')")
