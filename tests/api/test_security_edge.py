"""What leaves the server says no more than it must, and what it logs holds no secret."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from actors import ActorSystem
from tests.api.conftest import Client, Observed
from tests.api.fakes import MemoryUsers
from tests.api.login import TOKEN, enrol, log_in, post, refresh
from tests.servers.certificate import certificate
from yabot.api import edge, server
from yabot.api.gate import Gate
from yabot.api.server import APIServer
from yabot.api.tls import tls_context
from yabot.client import Client as Service
from yabot.client import Unreachable
from yabot.errors import ConfigError
from yabot.ops.logging import configure_logging

__all__ = ["certificate"]

pytestmark = pytest.mark.anyio

STATE = "/api/v1/user/1/state"


async def test_every_answer_has_the_security_headers_and_no_version(client: Client) -> None:
    answers = [
        await client.call("GET", STATE),
        await client.call("GET", "/nowhere"),
        await client.call("DELETE", "/livez"),
        await client.session.get(STATE),
        await client.session.post(TOKEN, json={}),
        await client.session.get("/livez"),
    ]
    assert [answer.status for answer in answers] == [200, 404, 405, 401, 401, 200]
    for answer in answers:
        headers = answer.headers
        assert headers["Server"] == "yabot"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers
        assert not [name for name in headers if name.lower().startswith("access-control")]


async def test_no_page_of_another_origin_is_let_in(client: Client) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    async with client.session.options(STATE, headers=asked) as preflight:
        assert preflight.status == 405
        assert "Access-Control-Allow-Origin" not in preflight.headers
    answer = await client.call("GET", STATE, origin="https://evil.example")
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_connection_that_does_not_come_to_its_request_is_closed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "FIRST_REQUEST", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\nX-Slow: ")
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert (await client.session.get("/livez")).status == 200


async def test_a_connection_that_does_not_come_to_its_next_request_is_closed(
    make_server: Callable[[], APIServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "IDLE", 0.3)
    async with ActorSystem("test") as system:
        ref = system.spawn(make_server, name="api")
        await ref.wait_started()
        reader, writer = await asyncio.open_connection("127.0.0.1", make_server()._address.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /livez HTTP/1.1\r\nX-Slow: ")
        async with asyncio.timeout(5):
            answer = await reader.read()
        assert answer.count(b"HTTP/1.1 200 ") == 1
        writer.close()
        await writer.wait_closed()
        await ref.stop()


async def test_a_surprise_shows_nothing_of_the_inside(client: Client, users: MemoryUsers) -> None:
    users.trouble = RuntimeError("secret-of-the-house")
    answer = await client.call("GET", STATE)
    text = await answer.text()
    assert answer.status == 500
    for word in ("secret-of-the-house", "Traceback", "RuntimeError", ".py"):
        assert word not in text


async def test_a_request_is_one_line_in_the_log_with_who_what_and_how(client: Client) -> None:
    with capture_logs(processors=(merge_contextvars,)) as lines:
        await client.call("GET", STATE, x_request_id="abc-1")
        await client.session.get(STATE)
    first, second = [line for line in lines if line["event"] == "api.request"]
    assert first["client"] == "billing"
    assert first["request_id"] == "abc-1"
    assert (first["method"], first["route"], first["status"]) == (
        "GET",
        "/api/v1/user/{user_id}/state",
        200,
    )
    assert first["address"] == "127.0.0.1"
    assert first["ms"] > 0
    assert (second["client"], second["status"]) == ("anonymous", 401)


async def test_the_client_of_one_request_is_not_told_of_the_next_on_the_same_connection(
    client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    with capture_logs(processors=(merge_contextvars,)) as lines:
        await log_in(client, shop)
        await client.session.get("/livez")
    told = [line["client"] for line in lines if line["event"] == "api.request"]
    assert told == ["shop", "anonymous"]


@pytest.fixture
async def logged(tmp_path: Path) -> AsyncIterator[Callable[[], str]]:
    """The log as it is written in production, in a file."""
    before = structlog.get_config()
    with (tmp_path / "log").open("wb", buffering=0) as file:
        configure_logging("debug", "json", stream=file)
        structlog.configure(cache_logger_on_first_use=False)
        yield lambda: (tmp_path / "log").read_text()
    structlog.configure(**before)


async def test_no_token_and_no_secret_is_in_the_log(
    logged: Callable[[], str], client: Client, gate: Gate
) -> None:
    shop = await enrol(gate)
    tokens = await log_in(client, shop)
    renewed = await refresh(client, shop, tokens.refresh)
    await refresh(client, shop, "x." + shop.secret)
    await post(client, TOKEN, client_id="shop", client_secret="wrong-secret-1234567890")
    await client.call("GET", STATE, authorization=f"Bearer {tokens.access}")
    await client.call("GET", STATE, authorization=f"Basic {tokens.refresh}")
    await client.call("GET", f"{STATE}?access_token={renewed.access}", authorization="Bearer x.y.z")
    await client.call("GET", f"/nowhere/{renewed.refresh}")
    await client.call("POST", TOKEN, json={"client_secret": {"deep": shop.secret}})
    text = logged()
    assert text.count("api.request") >= 9
    secrets = [shop.secret, tokens.access, tokens.refresh, renewed.access, renewed.refresh]
    for secret in [*secrets, "wrong-secret-1234567890", client.token]:
        assert secret not in text
        assert secret.rsplit(".", 1)[-1] not in text


async def test_nobody_writes_lines_of_their_own_into_the_log(
    logged: Callable[[], str], client: Client
) -> None:
    forged = 'x\r\n{"event": "forged"}\x1b[31m'
    await post(client, TOKEN, client_id=forged, client_secret=forged, grant_type=forged)
    await post(client, TOKEN, client_id="\u2028forged", client_secret="x")
    await client.call("GET", "/nowhere/%0d%0aforged%1b[31m")
    await client.call("FORGED", STATE)
    for line in logged().splitlines():
        assert json.loads(line)["event"] != "forged"
        assert "forged" not in line.lower()
        assert "\x1b" not in line


async def test_what_a_caller_makes_up_is_no_label_of_a_metric(
    client: Client, observed: Observed
) -> None:
    for number, method in enumerate(("PROPFIND", "SUBSCRIBE", "UNLOCK", "M-SEARCH", "TRACE")):
        await client.call(method, STATE)
        await client.call("GET", f"/made-up/{number}")
    assert {(method, route) for method, route, _ in observed.calls} == {
        ("OTHER", "unmatched"),
        ("GET", "unmatched"),
    }


async def test_with_a_certificate_the_api_speaks_tls_and_nothing_older_than_1_2(
    make_server: Callable[[], APIServer], certificate: tuple[Path, Path]
) -> None:
    def make() -> APIServer:
        server = make_server()
        server._address = replace(server._address, tls=tls_context(*certificate))
        return server

    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with ActorSystem("test") as system, aiohttp.ClientSession() as session:
        ref = system.spawn(make, name="api")
        await ref.wait_started()
        port = make_server()._address.port
        url = f"https://localhost:{port}/livez"
        async with session.get(url, ssl=trusting) as answer:
            assert answer.status == 200
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://localhost:{port}/livez")
        address = f"https://localhost:{port}"
        async with Service(address, tls=trusting) as api:
            assert (await api.get_liveness()).body.status == "pass"
        async with Service(address, patience=0.0) as distrusting:
            with pytest.raises(Unreachable, match="certificate"):
                await distrusting.get_liveness()
        await ref.stop()
    assert tls_context(*certificate).minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda cert, key: cert.unlink(), "API_TLS_CERT: can't read"),
        (lambda cert, key: key.unlink(), "API_TLS_KEY: can't read"),
        (lambda cert, key: cert.write_text("hello"), "can't be used"),
        (lambda cert, key: key.write_bytes(cert.read_bytes()), "can't be used"),
        (lambda cert, key: key.write_text(ENCRYPTED), "can't be used"),
    ],
)
def test_bad_files_of_tls_are_one_clear_line(
    tmp_path: Path,
    certificate: tuple[Path, Path],
    damage: Callable[[Path, Path], object],
    says: str,
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(certificate[0].read_bytes())
    key.write_bytes(certificate[1].read_bytes())
    damage(cert, key)
    with pytest.raises(ConfigError, match=says) as caught:
        tls_context(cert, key)
    (line,) = caught.value.problems
    assert "\n" not in line


ENCRYPTED = """-----BEGIN ENCRYPTED PRIVATE KEY-----
MIIFNTBfBgkqhkiG9w0BBQ0wUjAxBgkqhkiG9w0BBQwwJAQQ
-----END ENCRYPTED PRIVATE KEY-----
"""
