"""Who calls is settled by one bearer token, and by nothing else in a request."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.api.conftest import Client
from tests.api.fakes import FakeClock
from tests.api.forging import NOW
from tests.api.login import AUTH_PAGES
from yabot.api.auth import KNOWN_TOKENS, AuthService
from yabot.api.gate import Gate
from yabot.api.server import APIServer
from yabot.api.tokens import JWTService, Principal

STATE = "/api/v1/user/1/state"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YTpi", "token", "Bearer a b", "Bearer \xff.x.y"]
)
@pytest.mark.anyio
async def test_a_header_that_is_no_bearer_token_is_401(client: Client, header: str) -> None:
    response = await client.call("GET", STATE, authorization=header)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="yabot"')


@pytest.mark.anyio
async def test_without_a_header_the_challenge_names_no_error(client: Client) -> None:
    response = await client.session.get(STATE)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="yabot"'


@pytest.mark.anyio
async def test_every_route_of_the_api_wants_a_token_and_only_the_probes_do_not(
    client: Client, make_server: Callable[[], APIServer]
) -> None:
    server = make_server()
    for route in server._routes:
        path = re.sub(r"\{\w+\}", "1", route.path)
        response = await client.session.request(route.method, path)
        wanted = path.startswith(("/api/", "/ops/")) and route.path not in AUTH_PAGES
        assert (response.status == 401) is wanted, route.name
        assert (route.scope is not None) is wanted


@pytest.mark.anyio
async def test_a_token_in_the_query_opens_nothing(client: Client) -> None:
    response = await client.session.get(f"{STATE}?access_token={client.token}")
    assert response.status == 401


@pytest.mark.anyio
async def test_two_authorization_headers_are_refused(client: Client) -> None:
    twice = [("Authorization", f"Bearer {client.token}")] * 2
    response = await client.session.get(STATE, headers=twice)
    assert response.status == 401


@pytest.mark.anyio
async def test_the_scheme_is_read_without_regard_to_case(client: Client) -> None:
    response = await client.call("GET", STATE, authorization=f"bEARER {client.token}")
    assert response.status == 200


@pytest.mark.anyio
async def test_a_token_without_the_scope_is_403(client: Client) -> None:
    token = client.tokens.create_service_token("billing", scopes=["metrics"])
    response = await client.call("GET", STATE, authorization=f"Bearer {token}")
    assert response.status == 403
    assert (await response.json())["code"] == "insufficient_scope"
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


@pytest.mark.anyio
async def test_a_token_ends_after_fifteen_minutes_though_it_was_seen_before(
    client: Client, clock: FakeClock
) -> None:
    assert (await client.call("GET", STATE)).status == 200
    clock.now += timedelta(minutes=15, seconds=4)
    assert (await client.call("GET", STATE)).status == 200
    clock.now += timedelta(seconds=1)
    assert (await client.call("GET", STATE)).status == 401


def test_a_signature_is_checked_once_per_token_and_the_memory_is_bounded(
    gate: Gate, clock: FakeClock
) -> None:
    class Counting(JWTService):
        """Takes every token for that of `billing`, and counts."""

        checked = 0

        def verify(self, token: str) -> Principal:
            self.checked += 1
            return Principal("billing", frozenset(), token, NOW + 900, kid=gate.keys.active.kid)

    tokens = Counting(gate.keys, clock=clock)
    auth = AuthService(tokens, gate.revocations, gate.failures, clock=clock)
    for _ in range(3):
        assert auth.authenticate_request("a.b.c").client == "billing"
    assert tokens.checked == 1
    for number in range(2 * KNOWN_TOKENS):
        auth.authenticate_request(f"{number}")
    assert len(auth._known) == KNOWN_TOKENS


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\nb", "../x"])
def test_a_service_needs_a_plain_name(tokens: JWTService, name: str) -> None:
    with pytest.raises(ValueError, match="not a service name"):
        tokens.create_service_token(name)
