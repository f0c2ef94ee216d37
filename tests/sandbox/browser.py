"""A headless Chromium that a test looks through, over the DevTools protocol."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import aiohttp
import anyio

from tests.waiting import until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-GB",
    "--remote-debugging-port=0",
)


def chromium() -> str | None:
    """The path of a Chromium of this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Page:
    """One tab. `errors` collects what its scripts did not catch."""

    socket: aiohttp.ClientWebSocketResponse
    errors: list[str] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Give one DevTools command and return its result."""
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self.socket.receive_json(timeout=20)
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    async def open(self, url: str) -> None:
        await self.send("Page.navigate", url=url)
        await self.shows("document.readyState === 'complete'")

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, f"{script}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    async def shows(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""

        async def true() -> bool:
            return bool(await self.run(condition))

        try:
            await until(true)
        except AssertionError:
            text = await self.run("document.body.innerText")
            raise AssertionError(f"never true: {condition}\n{text}") from None

    async def writes(self, text: str) -> None:
        """Type into what has the focus, and press Enter."""
        await self.send("Input.insertText", text=text)
        await self.presses("Enter", "\r", 13)

    async def presses(self, key: str, text: str = "", code: int = 0) -> None:
        """Press a key."""
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **event)
        await self.send("Input.dispatchKeyEvent", type="keyUp", **event)


@asynccontextmanager
async def open_page(folder: Path) -> AsyncIterator[Page]:
    """A tab of a new browser that keeps its profile in `folder`."""
    binary = chromium()
    assert binary is not None
    command = [binary, *QUIET, f"--user-data-dir={folder}", "about:blank"]
    port_file = folder / "DevToolsActivePort"
    async with await anyio.open_process(command, stdout=DEVNULL, stderr=DEVNULL) as browser:
        try:
            await until(lambda: port_file.exists() and "\n" in port_file.read_text(), deadline=30)
            port = port_file.read_text().splitlines()[0]
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
                async with http.get("/json") as tabs:
                    found = json.loads(await tabs.text())
                tab = next(tab for tab in found if tab["type"] == "page")
                async with http.ws_connect(tab["webSocketDebuggerUrl"]) as socket:
                    page = Page(socket)
                    await page.send("Runtime.enable")
                    yield page
        finally:
            browser.terminate()
            with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                await browser.wait()
