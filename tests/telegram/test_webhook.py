"""200 means durable; who is not Telegram is refused; without a webhook there is polling."""

import io
from collections.abc import AsyncIterator

import aiohttp
import anyio
import orjson
import pytest
from structlog.testing import capture_logs

from tests.fakes import MemoryInbox
from tests.processes import ROOT
from tests.telegram.server import TOKEN, BotApi, Scripted, error
from tests.telegram.updates import message
from yabot.errors import ConfigError
from yabot.telegram import webhook
from yabot.telegram.client import TelegramClient
from yabot.telegram.ingress import Ingress
from yabot.telegram.webhook import (
    BODY_LIMIT,
    SECRET_HEADER,
    WebhookHandler,
    WebhookServer,
    choose_mode,
)
from yabot.users.ports import Mail

pytestmark = pytest.mark.anyio

SECRET = "s" * 32
SHOWN = {SECRET_HEADER: SECRET}


class Site:
    """A listening webhook, a client of it, and what it has delivered."""

    def __init__(self, inbox: MemoryInbox) -> None:
        self.delivered: list[Mail] = []
        ingress = Ingress(inbox, self.delivered.append, bot_id=42, max_backlog=1000)
        handler = WebhookHandler(ingress, SECRET)
        self.server = WebhookServer(handler, host="127.0.0.1", port=0, path="/telegram")
        self.http = aiohttp.ClientSession()

    async def post(
        self,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        path: str = "/telegram",
        method: str = "POST",
    ) -> tuple[int, dict[str, object], dict[str, str]]:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with self.http.request(
            method, url, data=io.BytesIO(body), headers=headers
        ) as response:
            text = await response.read()
            return response.status, orjson.loads(text or b"{}"), dict(response.headers)


@pytest.fixture
async def site(inbox: MemoryInbox) -> AsyncIterator[Site]:
    site = Site(inbox)
    await site.server.started()
    yield site
    await site.http.close()
    await site.server.stopping()


async def test_an_update_is_answered_once_it_is_durable(site: Site, inbox: MemoryInbox) -> None:
    inbox.gate = anyio.Event()
    update = message()
    done: list[int] = []

    async def post() -> None:
        status, _, _ = await site.post(orjson.dumps(update), SHOWN)
        done.append(status)

    async with anyio.create_task_group() as group:
        group.start_soon(post)
        await anyio.sleep(0.05)
        assert done == []
        inbox.gate.set()
    assert done == [200]
    assert [mail.update for mail in site.delivered] == [update]


async def test_a_redelivery_is_answered_and_handed_on_once(site: Site) -> None:
    body = orjson.dumps(message())
    assert [(await site.post(body, SHOWN))[0] for _ in range(3)] == [200, 200, 200]
    assert len(site.delivered) == 1


@pytest.mark.parametrize(
    ("body", "headers", "method", "path", "status", "reason"),
    [
        (b"{}", None, "POST", "/telegram", 401, "secret_missing"),
        (b"{}", {SECRET_HEADER: "guess"}, "POST", "/telegram", 403, "secret_wrong"),
        (b"{}", {SECRET_HEADER: "\xe9"}, "POST", "/telegram", 403, "secret_wrong"),
        (b"", SHOWN, "GET", "/telegram", 405, "method_not_allowed"),
        (b"not json", SHOWN, "POST", "/telegram", 400, "not_an_update"),
        (b"[]", SHOWN, "POST", "/telegram", 400, "not_an_update"),
        (b'{"message":{}}', SHOWN, "POST", "/telegram", 400, "not_an_update"),
        (b'{"update_id":"1"}', SHOWN, "POST", "/telegram", 400, "not_an_update"),
        (b'{"update_id":true}', SHOWN, "POST", "/telegram", 400, "not_an_update"),
        (b" " * (BODY_LIMIT + 1), SHOWN, "POST", "/telegram", 413, "body_too_large"),
        (b"{}", SHOWN, "POST", "/elsewhere", 404, "not_found"),
    ],
)
async def test_what_is_not_telegrams_is_refused_and_logged_with_its_peer(
    site: Site,
    body: bytes,
    headers: dict[str, str] | None,
    method: str,
    path: str,
    status: int,
    reason: str,
) -> None:
    with capture_logs() as logs:
        answered, problem, _ = await site.post(body, headers, method=method, path=path)
    assert (answered, problem["description"]) == (status, reason)
    (line,) = [log for log in logs if log["event"] == "webhook.refused"]
    assert (line["log_level"], line["peer"], line["reason"]) == ("warning", "127.0.0.1", reason)
    assert SECRET not in repr(logs)
    assert site.delivered == []


async def test_nothing_of_the_internal_api_is_on_the_public_port(site: Site) -> None:
    paths = orjson.loads((ROOT / "docs" / "openapi.json").read_bytes())["paths"]
    assert {"/metrics", "/livez", "/docs"} <= set(paths)
    for path in [*paths, "/ops"]:
        for method in ("GET", "POST"):
            status, _, _ = await site.post(b"{}", SHOWN, method=method, path=path)
            assert status == 404, path


async def test_a_store_that_is_away_and_a_long_backlog_ask_telegram_to_come_again(
    site: Site, inbox: MemoryInbox
) -> None:
    inbox.failing = True
    status, _, headers = await site.post(orjson.dumps(message()), SHOWN)
    assert (status, headers["Retry-After"]) == (503, "1")
    inbox.failing, inbox.extra_backlog = False, 1000
    status, _, headers = await site.post(orjson.dumps(message()), SHOWN)
    assert (status, headers["Retry-After"]) == (503, "2")
    inbox.extra_backlog = 0
    status, _, _ = await site.post(orjson.dumps(message()), SHOWN)
    assert status == 200


async def test_requests_that_come_together_share_a_write(site: Site, inbox: MemoryInbox) -> None:
    inbox.gate = anyio.Event()
    async with anyio.create_task_group() as group:
        for n in range(30):
            group.start_soon(site.post, orjson.dumps(message(str(n))), SHOWN)
        await anyio.sleep(0.1)
        inbox.gate.set()
    assert sum(inbox.writes) == 30
    assert len(inbox.writes) <= 3


async def test_a_restarted_server_has_its_address_again(site: Site, inbox: MemoryInbox) -> None:
    port = site.server.port
    await site.server.restarting(RuntimeError("crashed"))
    ingress = Ingress(inbox, site.delivered.append, bot_id=42)
    again = WebhookServer(
        WebhookHandler(ingress, SECRET), host="127.0.0.1", port=port, path="/telegram"
    )
    await again.started()
    assert again.port == port
    await again.stopping()


def test_an_empty_secret_is_a_mistake_of_the_settings(inbox: MemoryInbox) -> None:
    delivered: list[Mail] = []
    ingress = Ingress(inbox, delivered.append, bot_id=42)
    with pytest.raises(ConfigError, match="WEBHOOK_SECRET"):
        WebhookHandler(ingress, "")


async def test_the_webhook_is_set_with_its_secret_and_kinds(api: BotApi) -> None:
    async with TelegramClient(TOKEN, api.url) as client:
        mode = await choose_mode(
            client, url="https://bot.example/telegram", secret=SECRET, allowed=["message"]
        )
    assert mode == "webhook"
    (params,) = api.of("setWebhook")
    assert (params["secret_token"], params["allowed_updates"]) == (SECRET, ["message"])


@pytest.mark.parametrize(
    "answers",
    [
        [error(400, "Bad Request: bad webhook: HTTPS url must be provided for webhook")],
        [Scripted(drop=True)] * 10,
    ],
    ids=["refused", "out of reach"],
)
async def test_a_webhook_that_can_not_be_set_falls_back_to_polling(
    api: BotApi, answers: list[Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "backoff", lambda *_, **__: 0.0)
    api.script("setWebhook", *answers)
    with capture_logs() as logs:
        async with TelegramClient(TOKEN, api.url) as client:
            mode = await choose_mode(client, url="http://x", secret=SECRET, allowed=[])
    assert mode == "polling"
    assert [log["instead"] for log in logs if log["event"] == "webhook.unusable"] == ["polling"]
