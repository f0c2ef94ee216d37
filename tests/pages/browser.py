"""A real browser, headless, on a page of this machine."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The browser's path. Raises RuntimeError with what to do where there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise RuntimeError("no Chromium: install Debian's package chromium, or set CHROMIUM")
    return found


@asynccontextmanager
async def page(
    url: str = "about:blank", *, width: int = 1320, height: int = 900
) -> AsyncIterator[Page]:
    """The page at `url`. Leaving the block fails if a page raised an error meanwhile."""
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        shown = await browser.new_page(viewport={"width": width, "height": height}, locale="es-ES")
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        await shown.goto(url)
        yield shown
        await browser.close()
        assert not errors, errors
