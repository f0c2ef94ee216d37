"""A real APIServer on a free port, a real HTTP client, and users in memory behind them."""

import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from actors import ActorSystem
from tests.api.fakes import FakeClock, FakeProbes, MemoryUsers
from yabot.api.auth import AuthService
from yabot.api.deadline import DeadlineGateway
from yabot.api.keys import SigningKey, load_or_create_key
from yabot.api.probes import Probes
from yabot.api.server import APIAddress, APIServer, APIServices
from yabot.api.tokens import JWTService
from yabot.content.loader import load_story
from yabot.services.coordinator import CoordinatorService
from yabot.services.narrative import NarrativeService
from yabot.services.subscriptions import SubscriptionService
from yabot.services.users import UserService


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return load_or_create_key(tmp_path_factory.mktemp("keys") / "jwt.pem")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def users(clock: FakeClock) -> MemoryUsers:
    users = MemoryUsers(clock)
    users.register(1)
    return users


@pytest.fixture
def probes() -> FakeProbes:
    return FakeProbes()


@pytest.fixture
def tokens(key: SigningKey, clock: FakeClock) -> JWTService:
    return JWTService(key, clock=clock)


@dataclass
class Observed:
    """What the server told its metrics."""

    calls: list[tuple[str, str, int]] = field(default_factory=list)

    def __call__(self, method: str, route: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((method, route, status))


@pytest.fixture
def observed() -> Observed:
    return Observed()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def address() -> APIAddress:
    return APIAddress(port=free_port())


@pytest.fixture
def make_server(
    address: APIAddress,
    users: MemoryUsers,
    probes: FakeProbes,
    tokens: JWTService,
    clock: FakeClock,
    observed: Observed,
) -> Callable[[], APIServer]:
    async def metrics() -> bytes:
        return b"yabot_up 1\n"

    gateway = DeadlineGateway(users)
    services = APIServices(
        users=UserService(gateway, users),
        coordinator=CoordinatorService(gateway),
        subscriptions=SubscriptionService(gateway),
        narrative=NarrativeService(gateway, load_story(Path("yabot/content").absolute())),
        ledger=users,
        probes=Probes(
            live=lambda: probes.alive,
            ready=lambda: probes.readiness,
            tree=lambda: {"name": "root", "children": []},
            draw=lambda: "root\n└── api",
            database=probes.database,
            redis=probes.redis,
            storage=lambda: probes.room,
            metrics=metrics,
        ),
    )
    auth = AuthService(tokens, clock=clock)
    return lambda: APIServer(address, services, auth, clock=clock, observe=observed)


@dataclass
class Client:
    """Calls the API as a service would."""

    session: aiohttp.ClientSession
    token: str
    port: int
    tokens: JWTService

    async def call(
        self, method: str, path: str, *, json: object = None, **headers: str
    ) -> aiohttp.ClientResponse:
        """Send a request; `idempotency_key="k"` stands for the header `Idempotency-Key: k`."""
        sent = CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()})
        sent.setdefault("Authorization", f"Bearer {self.token}")
        response = await self.session.request(method, path, json=json, headers=sent)
        await response.read()
        return response

    async def raw(
        self, method: str, path: str, body: bytes, *, kind: str = "application/json", **headers: str
    ) -> aiohttp.ClientResponse:
        """Send a body as it is."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        response = await self.session.request(method, path, data=body, headers=sent)
        await response.read()
        return response


@pytest.fixture
async def client(
    make_server: Callable[[], APIServer], address: APIAddress, tokens: JWTService
) -> AsyncIterator[Client]:
    async with ActorSystem("test") as system:
        ref = system.spawn(make_server, name="api")
        await ref.wait_started()
        base = f"http://127.0.0.1:{address.port}"
        async with aiohttp.ClientSession(base) as session:
            yield Client(session, tokens.create_service_token("billing"), address.port, tokens)
        await ref.stop()
