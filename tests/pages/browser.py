"""A real browser, headless, on a page of this machine."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

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
    path = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if path is None:
        raise RuntimeError("no Chromium: install Debian's package chromium, or set CHROMIUM")
    return path


@asynccontextmanager
async def page(url: str, *, width: int = 1320, height: int = 900) -> AsyncIterator[Page]:
    """The page at `url`. Leaving the block fails if the page raised an error meanwhile."""
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        shown = await browser.new_page(viewport={"width": width, "height": height}, locale="es-ES")
        errors: list[str] = []
        shown.on("pageerror", lambda error: errors.append(str(error)))
        await shown.goto(url)
        yield shown
        await browser.close()
        assert not errors, errors
