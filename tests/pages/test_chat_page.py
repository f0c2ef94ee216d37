"""The chat page in a real browser: what a newcomer does after `make run`."""

import signal
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from tests.pages.browser import page
from tests.pages.demo import running_demo

pytestmark = [pytest.mark.anyio, pytest.mark.pages, pytest.mark.timeout(180)]


async def enter(shown: Page, name: str) -> Locator:
    """Open the page as a user of that name and press START."""
    await shown.get_by_role("button", name=name, exact=True).click()
    panel = shown.get_by_role("region", name=f"Chat as {name}")
    await panel.get_by_role("button", name="START", exact=True).click()
    return panel


async def press(panel: Locator, text: str) -> None:
    """Press the newest button that holds `text`."""
    await panel.get_by_role("button", name=text).last.click()


async def say(panel: Locator, text: str) -> None:
    """Type a message and send it."""
    await panel.get_by_placeholder("Message").fill(text)
    await panel.get_by_placeholder("Message").press("Enter")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
async def test_a_newcomer_plays_earns_and_finds_their_state_after_the_bot_was_ended(
    tmp_path: Path, how: signal.Signals
) -> None:
    async with running_demo(tmp_path) as demo, page(demo.url) as shown:
        ana = await enter(shown, "Ana")
        await expect(ana.get_by_text("Soy YABOT")).to_be_visible()
        await press(ana, "Historia")
        log = ana.get_by_role("log")
        await expect(log.get_by_role("button").filter(has_text="🔥")).to_be_visible()
        await log.get_by_role("button").filter(has_not_text="❤️").first.click()
        await say(ana, "/daily")
        await expect(ana.get_by_text("10 besitos para ti")).to_be_visible()

        code = await demo.end(how)
        assert code == (0 if how == signal.SIGINT else -signal.SIGKILL)
        lost = shown.get_by_role("alert").filter(has_text="Connection lost")
        await expect(lost).to_be_visible(timeout=30_000)
        await demo.start()

        await expect(lost).to_be_hidden(timeout=30_000)
        await say(ana, "/daily")
        await expect(ana.get_by_text("Ya recogiste el regalo de hoy")).to_be_visible()
        await say(ana, "/besitos")
        await expect(ana.get_by_text("Tienes 1").last).to_be_visible()


async def test_two_users_side_by_side_have_chats_of_their_own(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, page(demo.url) as shown:
        ana = await enter(shown, "Ana")
        await expect(ana.get_by_text("¡Hola, Ana!")).to_be_visible()
        await shown.get_by_label("Name of the new user").fill("Luis")
        await shown.get_by_role("button", name="Add user").click()
        luis = shown.get_by_role("region", name="Chat as Luis")
        await luis.get_by_role("button", name="START", exact=True).click()
        await expect(luis.get_by_text("¡Hola, Luis!")).to_be_visible()
        await expect(ana.get_by_text("Luis")).to_be_hidden()


async def test_what_a_user_writes_is_shown_as_text_and_never_run(tmp_path: Path) -> None:
    async with running_demo(tmp_path) as demo, page(demo.url) as shown:
        ana = await enter(shown, "Ana")
        await expect(ana.get_by_text("Soy YABOT")).to_be_visible()
        await say(ana, "<img src=x onerror=window.broken=1>")
        await expect(ana.get_by_text("<img src=x onerror=window.broken=1>")).to_be_visible()
        await expect(ana.get_by_text("No te he entendido")).to_be_visible()
        assert await shown.evaluate("window.broken") is None
