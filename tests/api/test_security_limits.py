"""Nobody asks, or fails, more often than they may, whatever they put into their requests."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from supervision import Context, Report
from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.login import TOKEN, enrol, log_in, opens, post
from tests.fakes.identity import MemoryIdentity
from yabot.api.failures import FAILURES
from yabot.api.gate import Gate
from yabot.api.keyring import Keyring
from yabot.api.limits import CLIENT_LOGINS, QUOTAS, Quota

pytestmark = pytest.mark.anyio

STATE = "/api/v1/user/1/state"
SLOW = 1e-4
"""A rate at which nothing comes back while a test runs."""

MakeGate = Callable[..., Gate]


@pytest.fixture
def trusted() -> tuple[str, ...]:
    """Networks whose X-Forwarded-For is believed."""
    return ()


@pytest.fixture
def gate(key_path: Path, clock: FakeClock, reports: list[Report], trusted: tuple[str, ...]) -> Gate:
    quotas = {
        **QUOTAS,
        "read": Quota("read", SLOW, 3),
        "write": Quota("write", SLOW, 2),
        "login": Quota("login", SLOW, 15),
    }
    return Gate.over(
        Keyring(key_path, clock=clock),
        MemoryIdentity(),
        clock=clock,
        report=reports.append,
        quotas=quotas,
        proxies=[ip_network(network) for network in trusted],
    )


async def test_a_client_beyond_its_quota_is_told_when_to_come_back(client: Client) -> None:
    left = []
    for _ in range(3):
        response = await client.call("GET", STATE)
        assert response.status == 200
        assert response.headers["RateLimit-Policy"].startswith('"read";q=3;w=')
        left.append(response.headers["RateLimit"].split(";")[1])
    assert left == ["r=2", "r=1", "r=0"]
    refused = await client.call("GET", STATE)
    assert refused.status == 429
    assert refused.content_type == "application/problem+json"
    assert (await refused.json())["code"] == "too_many_requests"
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["RateLimit"].startswith('"read";r=0;')


async def test_classes_of_routes_have_quotas_of_their_own(client: Client) -> None:
    for _ in range(4):
        last = await client.call("GET", STATE)
    assert last.status == 429
    assert (await client.call("PATCH", STATE, json={"menu_context": "shop"})).status == 200
    assert (await client.session.get("/livez")).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "198.51.100.{n}"},
        {"X-Real-IP": "198.51.100.{n}"},
        {"Forwarded": "for=198.51.100.{n}"},
        {"X-Client-Id": "client-{n}"},
        {"X-Request-Id": "{n}"},
        {"User-Agent": "agent/{n}"},
        {"Host": "host-{n}"},
    ],
)
async def test_no_header_gives_a_client_another_quota(
    client: Client, headers: dict[str, str]
) -> None:
    statuses = []
    for number in range(4):
        given = {name: value.format(n=number) for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {client.token}", **given}
        async with client.session.get(STATE, headers=sent) as response:
            statuses.append(response.status)
    assert statuses == [200, 200, 200, 429]


async def test_neither_another_spelling_nor_another_token_gives_another_quota(
    client: Client,
) -> None:
    statuses: list[int] = []
    spellings = [STATE, f"{STATE}?", "/api/v1/user/%31/state", STATE]
    for path in spellings:
        token = client.tokens.create_service_token("billing")
        scheme = "bearer" if len(statuses) % 2 else "BEARER"
        response = await client.call("GET", path, authorization=f"{scheme} {token}")
        statuses.append(response.status)
    assert statuses == [200, 200, 200, 429]
    assert (await client.call("HEAD", STATE)).status == 429


async def test_another_client_is_not_held_up(client: Client) -> None:
    for _ in range(4):
        await client.call("GET", STATE)
    assert await opens(client, client.tokens.create_service_token("support")) == 200


async def test_logins_of_one_client_are_limited(client: Client, gate: Gate) -> None:
    shop, other = await enrol(gate), await enrol(gate, "other")
    statuses = [(await log_in(client, shop)).status for _ in range(CLIENT_LOGINS.burst + 1)]
    assert statuses == [200] * CLIENT_LOGINS.burst + [429]
    assert (await log_in(client, other)).status == 200


async def test_logins_from_one_address_are_limited_whoever_is_named(client: Client) -> None:
    statuses = []
    for number in range(16):
        sent = {"grant_type": "client_credentials", "client_secret": "guessed"}
        forwarded = {"X-Forwarded-For": f"198.51.100.{number}"}
        answer = await post(client, TOKEN, None, forwarded, client_id=f"c{number}", **sent)
        statuses.append(answer.status)
    assert statuses == [401] * 15 + [429]


async def test_failing_is_slowed_down_told_once_and_keeps_no_good_token_out(
    client: Client, gate: Gate, reports: list[Report]
) -> None:
    statuses = [await opens(client, f"bad.token.{n}") for n in range(FAILURES.burst + 5)]
    assert statuses == [401] * FAILURES.burst + [429] * 5
    (report,) = reports
    assert (report.supervisor, report.context, report.offender) == (
        "api",
        Context.ALERT,
        "127.0.0.1",
    )
    assert gate.failures.counts()["token"] == FAILURES.burst + 5
    assert (await client.call("GET", STATE)).status == 200


async def test_every_kind_of_failure_is_counted(client: Client, gate: Gate) -> None:
    shop = await enrol(gate)
    await opens(client, "bad")
    await post(client, TOKEN, grant_type="client_credentials", client_id="a", client_secret="b")
    await post(client, "/api/v1/auth/refresh", shop, refresh_token="un.known")
    await opens(client, client.tokens.create_service_token("a", scopes=["ops:read"]))
    assert gate.failures.counts() == {
        "token": 1,
        "secret": 1,
        "refresh": 1,
        "reuse": 0,
        "scope": 1,
    }


@pytest.mark.parametrize("trusted", [("127.0.0.0/8", "10.0.0.0/8")])
async def test_behind_a_trusted_proxy_each_of_its_callers_is_limited_alone(
    client: Client, trusted: tuple[str, ...]
) -> None:
    async def attempt(forwarded: str) -> int:
        sent = {"grant_type": "client_credentials", "client_id": "a", "client_secret": "b"}
        return (await post(client, TOKEN, None, {"X-Forwarded-For": forwarded}, **sent)).status

    burst = CLIENT_LOGINS.burst
    mine = [await attempt(f"198.51.100.{n}, 203.0.113.1, 10.1.2.3") for n in range(burst + 1)]
    assert mine == [401] * burst + [429]
    assert await attempt("203.0.113.2") == 401


def test_the_quotas_of_the_settings_replace_those_of_clients_alone() -> None:
    from yabot.api.limits import quotas

    chosen = quotas(read_rate=7, write_rate=5)
    assert chosen["read"] == Quota("read", 7, 14)
    assert chosen["write"] == replace(chosen["read"], name="write", rate=5, burst=10)
    assert chosen["login"] == QUOTAS["login"]
