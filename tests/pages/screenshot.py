"""Takes the picture that the README shows: `python -m tests.pages.screenshot docs/chat.png`."""

import sys
import tempfile
from pathlib import Path

import anyio
from playwright.async_api import expect

from tests.pages.browser import page
from tests.pages.demo import running_demo
from tests.pages.test_chat_page import enter, press, say


async def main(target: str) -> None:
    """Let three users play for a moment, and look."""
    with tempfile.TemporaryDirectory() as folder:
        async with running_demo(Path(folder)) as demo, page(demo.url, height=860) as shown:
            ana = await enter(shown, "Ana")
            await expect(ana.get_by_text("Soy YABOT")).to_be_visible()
            await press(ana, "Historia")
            await expect(ana.get_by_role("button", name="🔥")).to_be_visible()
            for name in ("Luis", "Mei"):
                await shown.get_by_label("Name of the new user").fill(name)
                await shown.get_by_role("button", name="Add user").click()
                panel = shown.get_by_role("region", name=f"Chat as {name}")
                await panel.get_by_role("button", name="START", exact=True).click()
                await expect(panel.get_by_text(f"¡Hola, {name}!")).to_be_visible()
                if name == "Luis":
                    await say(panel, "/daily")
                    await expect(panel.get_by_text("10 besitos para ti")).to_be_visible()
                    await say(panel, "/shop")
                    await expect(panel.get_by_role("button", name="VIP")).to_be_visible()
                else:
                    await press(panel, "Ajustes")
                    await expect(panel.get_by_role("button", name="English")).to_be_visible()
                    await press(panel, "English")
                    await expect(panel.get_by_text("Settings")).to_be_visible()
            await shown.wait_for_timeout(600)
            await shown.screenshot(path=target)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
