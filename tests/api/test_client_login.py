"""A login of the client: once for all its tasks, kept going, and begun anew where it has ended."""

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import anyio
import pytest

from actors import ActorSystem
from supervision import Report
from tests.api.conftest import Client as Raw
from tests.api.conftest import Observed
from tests.api.cutting import cutting
from yabot.api.gate import Gate
from yabot.api.server import APIAddress, APIServer
from yabot.client import (
    Client,
    ClientCredentials,
    Refused,
    Unreachable,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def credentials(gate: Gate) -> ClientCredentials:
    made = await gate.clients.add("shop", ("internal_api",))
    return ClientCredentials("shop", made.secret)


async def test_a_client_logs_in_once_for_all_its_tasks(
    client: Raw, credentials: ClientCredentials, observed: Callable[..., None]
) -> None:
    api = Client(f"http://127.0.0.1:{client.port}", credentials)
    async with api, anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(api.get_besitos, "1")
    routes = [route for _, route, _ in observed.calls]  # type: ignore[attr-defined]
    assert routes.count("/api/v1/auth/token") == 1


async def test_a_token_that_is_refused_is_replaced_once(
    client: Raw, credentials: ClientCredentials
) -> None:
    async with Client(f"http://127.0.0.1:{client.port}", credentials) as api:
        await api.get_besitos("1")
        credentials._token = "stale"
        assert (await api.get_besitos("1")).body.balance == 0


@dataclass
class Time:
    """A clock that tests move."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


TOKEN_ENDS = 15 * 60 - 20


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def timed(gate: Gate, time: Time) -> ClientCredentials:
    made = await gate.clients.add("shop", ("internal_api",))
    return ClientCredentials("shop", made.secret, clock=time)


def asked_for_tokens(observed: Observed) -> list[tuple[str, int]]:
    return [
        (route.rpartition("/")[2], status)
        for _, route, status in observed.calls
        if route.startswith("/api/v1/auth/")
    ]


async def test_a_login_is_kept_going_by_its_refresh_tokens(
    client: Raw, timed: ClientCredentials, time: Time, observed: Observed
) -> None:
    async with Client(f"http://127.0.0.1:{client.port}", timed) as api:
        for _ in range(3):
            await api.get_besitos("1")
            time.now += TOKEN_ENDS
    assert asked_for_tokens(observed) == [("token", 200), ("refresh", 200), ("refresh", 200)]


async def test_where_a_login_has_ended_another_one_begins(
    client: Raw, gate: Gate, timed: ClientCredentials, time: Time, observed: Observed
) -> None:
    async with Client(f"http://127.0.0.1:{client.port}", timed) as api:
        await api.get_besitos("1")
        shop = await gate.clients.authenticate(*timed._credentials.values())
        await gate.refresh.revoke(timed._refresh, shop)
        await api.get_besitos("1")
    assert asked_for_tokens(observed) == [("token", 200), ("refresh", 400), ("token", 200)]


async def test_a_refresh_token_whose_answer_was_lost_is_not_shown_again(
    client: Raw, timed: ClientCredentials, time: Time, reports: list[Report], observed: Observed
) -> None:
    async with cutting(client.port, losses=0) as (way, url), Client(url, timed) as api:
        await api.get_besitos("1")
        way.losses = 1
        time.now += TOKEN_ENDS
        await api.get_besitos("1")
    assert asked_for_tokens(observed) == [("token", 200), ("refresh", 200), ("token", 200)]
    assert not reports


async def test_a_client_waits_for_an_api_that_is_not_there_yet(
    make_server: Callable[[], APIServer], address: APIAddress, gate: Gate
) -> None:
    made = await gate.clients.add("shop", ("internal_api",))
    balances: list[int] = []
    tried = anyio.Event()

    class Noting(ClientCredentials):
        async def get(self, session: aiohttp.ClientSession) -> str:
            try:
                return await super().get(session)
            except Unreachable:
                tried.set()
                raise

    async def ask(caller: Client) -> None:
        balances.append((await caller.get_besitos("1")).body.balance)

    url = f"http://127.0.0.1:{address.port}"
    async with Client(url, Noting("shop", made.secret)) as caller, ActorSystem("test") as system:
        async with anyio.create_task_group() as group:
            group.start_soon(ask, caller)
            with anyio.fail_after(5):
                await tried.wait()
            ref = system.spawn(make_server, name="api")
        await ref.stop()
    assert balances == [0]


async def test_wrong_credentials_are_refused_and_not_tried_again(client: Raw) -> None:
    wrong = ClientCredentials("shop", "no-such-secret")
    async with Client(f"http://127.0.0.1:{client.port}", wrong) as api:
        with pytest.raises(Refused) as caught:
            await api.get_besitos("1")
    assert caught.value.status == 401
