"""The API's page in a real browser: it shows the document, and what it sends is answered."""

from collections.abc import AsyncIterator, Callable

import pytest
from playwright.async_api import Page, expect

from tests.api.conftest import (
    Client,
    address,
    client,
    clock,
    gate,
    history,
    key_path,
    letters,
    make_server,
    observed,
    probes,
    reports,
    tokens,
    users,
)
from tests.pages.browser import page
from yabot.api.server import APIServer

__all__ = ["address", "client", "clock", "gate", "history", "key_path", "letters"]
__all__ += ["make_server", "observed", "probes", "reports", "tokens", "users"]

pytestmark = [pytest.mark.anyio, pytest.mark.pages]


@pytest.fixture
async def shown() -> AsyncIterator[Page]:
    async with page() as shown:
        yield shown


async def test_every_operation_is_shown_and_can_be_tried(
    shown: Page, client: Client, make_server: Callable[[], APIServer]
) -> None:
    complaints: list[str] = []
    shown.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    await shown.goto(f"http://127.0.0.1:{client.port}/docs")
    await expect(shown.locator("details")).to_have_count(len(make_server()._routes))

    await shown.get_by_label("Access token").fill(client.token)
    operation = shown.locator("#create_transaction")
    await operation.locator("summary").click()
    await operation.get_by_label("user_id").fill("1")
    await operation.get_by_label("Body").fill('{"amount": 5, "reason": "page"}')
    await operation.get_by_role("button", name="Send").click()
    await expect(operation.locator("pre")).to_contain_text('"balance": 5')
    await operation.get_by_role("button", name="Send").click()
    await expect(operation.locator("pre")).to_contain_text("idempotent-replayed: true")

    await shown.get_by_label("Filter operations").fill("besitos post")
    await expect(shown.locator("details:visible")).to_have_count(1)
    assert not complaints
