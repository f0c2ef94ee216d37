"""The server's life: it binds, it says why it can't, it stops without dropping what is in hand."""

from collections.abc import Callable
from dataclasses import replace

import aiohttp
import anyio
import pytest

from actors import ActorCrashed, ActorSystem
from tests.api.conftest import Client
from tests.api.fakes import MemoryUsers
from yabot.api import edge
from yabot.api.server import APIAddress, APIServer
from yabot.api.tokens import BadToken, JWTService
from yabot.errors import ConfigError

MakeServer = Callable[[], APIServer]

pytestmark = pytest.mark.anyio

STATE = "/api/v1/user/1/state"


async def test_the_server_tells_who_a_token_speaks_for(
    make_server: MakeServer, tokens: JWTService
) -> None:
    server = make_server()
    principal = server.authenticate_request(tokens.create_service_token("billing"))
    assert (principal.client, principal.scopes) == ("billing", frozenset({"internal_api"}))
    with pytest.raises(BadToken):
        server.authenticate_request("a.b.c")


async def test_a_port_in_use_is_a_setting_that_is_wrong(
    client: Client, make_server: MakeServer, address: APIAddress
) -> None:
    with pytest.raises(ConfigError) as caught:
        await make_server().started()
    assert caught.value.problems == [
        f"API_PORT: 127.0.0.1:{address.port} is in use; "
        "stop what listens there or choose another port"
    ]


async def test_an_address_that_is_not_ours_is_a_setting_that_is_wrong(
    make_server: MakeServer,
) -> None:
    server = make_server()
    server._address = replace(server._address, host="192.0.2.1")
    with pytest.raises(ConfigError, match="API_HOST: can't listen on 192"):
        await server.started()


async def test_the_port_is_free_again_after_the_end(
    make_server: MakeServer, address: APIAddress
) -> None:
    for _ in range(2):
        async with ActorSystem("test") as system:
            ref = system.spawn(make_server, name="api")
            await ref.wait_started()
            await ref.stop()


async def test_a_server_that_can_not_bind_crashes_with_the_reason(
    client: Client, make_server: MakeServer
) -> None:
    async with ActorSystem("second") as system:
        ref = system.spawn(make_server, name="api")
        with pytest.raises(ActorCrashed) as caught:
            await ref.wait_started()
    assert isinstance(caught.value.__cause__, ConfigError)


async def test_a_request_in_hand_is_finished_when_the_server_stops(
    make_server: MakeServer, address: APIAddress, users: MemoryUsers, tokens: JWTService
) -> None:
    users.delay = 0.3
    headers = {"Authorization": f"Bearer {tokens.create_service_token('billing')}"}
    statuses: list[int] = []

    async def ask() -> None:
        url = f"http://127.0.0.1:{address.port}{STATE}"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
            statuses.append(answer.status)

    async with ActorSystem("test") as system, anyio.create_task_group() as group:
        ref = system.spawn(make_server, name="api")
        await ref.wait_started()
        group.start_soon(ask)
        with anyio.fail_after(5):
            await users.asked.wait()
        await ref.stop()
    assert statuses == [200]


async def test_beyond_its_bound_the_server_asks_to_come_back(
    client: Client, users: MemoryUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "MOST_IN_FLIGHT", 1)
    users.delay = 0.5
    async with anyio.create_task_group() as group:
        group.start_soon(client.call, "GET", STATE)
        await users.asked.wait()
        refused = await client.call("GET", STATE)
        alive, ready = [await client.session.get(path) for path in ("/livez", "/readyz")]
    assert (alive.status, ready.status) == (200, 503)
    assert refused.status == 503
    assert refused.headers["Retry-After"] == "1"
    assert (await refused.json())["code"] == "busy"
    assert (await client.call("GET", STATE)).status == 200
