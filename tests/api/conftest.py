"""A real APIServer on a free port, a real HTTP client, and users in memory behind them."""

import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from multidict import CIMultiDict

from actors import ActorSystem
from supervision import Report
from tests.api.fakes import FakeClock, FakeProbes, MemoryHistory, MemoryLetters, MemoryUsers
from tests.fakes.identity import MemoryIdentity
from yabot.api.deadline import DeadlineGateway
from yabot.api.gate import Gate
from yabot.api.keyring import Keyring
from yabot.api.keys import SigningKey, load_or_create_key
from yabot.api.probes import Probes
from yabot.api.server import APIAddress, APIServer
from yabot.api.table import APIServices
from yabot.api.tokens import JWTService
from yabot.content.loader import load_story
from yabot.services.coordinator import CoordinatorService
from yabot.services.external import ExternalEvents
from yabot.services.narrative import NarrativeService
from yabot.services.subscriptions import SubscriptionService
from yabot.services.users import UserService


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def key_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key that all tests share, because making one takes long."""
    path = tmp_path_factory.mktemp("keys") / "jwt.pem"
    load_or_create_key(path)
    return path


@pytest.fixture(scope="session")
def key(key_path: Path) -> SigningKey:
    return load_or_create_key(key_path)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def users(clock: FakeClock) -> MemoryUsers:
    users = MemoryUsers(clock)
    users.register(1)
    return users


@pytest.fixture
def history() -> MemoryHistory:
    return MemoryHistory()


@pytest.fixture
def letters() -> MemoryLetters:
    return MemoryLetters()


@pytest.fixture
def probes() -> FakeProbes:
    return FakeProbes()


@pytest.fixture
def reports() -> list[Report]:
    """What the gate has told the operators."""
    return []


@pytest.fixture
def gate(key_path: Path, clock: FakeClock, reports: list[Report]) -> Gate:
    keys = Keyring(key_path, clock=clock)
    return Gate.over(keys, MemoryIdentity(), clock=clock, report=reports.append)


@pytest.fixture
def tokens(gate: Gate) -> JWTService:
    return gate.tokens


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
    history: MemoryHistory,
    letters: MemoryLetters,
    gate: Gate,
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
        external=ExternalEvents(gateway),
        ledger=users,
        history=history,
        dead_letters=letters,
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
    return lambda: APIServer(address, services, gate, clock=clock, observe=observed)


@dataclass
class Client:
    """Calls the API as a service would."""

    session: aiohttp.ClientSession
    token: str
    port: int
    tokens: JWTService

    async def call(
        self, method: str, path: str, *, json: object = None, **headers: str | None
    ) -> aiohttp.ClientResponse:
        """Send a request; `idempotency_key="k"` stands for the header `Idempotency-Key: k`.

        What every such request needs is there by itself; None leaves a header out.
        """
        sent = self._headers(method, headers)
        response = await self.session.request(method, path, json=json, headers=sent)
        await response.read()
        return response

    async def raw(
        self,
        method: str,
        path: str,
        body: bytes,
        *,
        kind: str = "application/json",
        **headers: str | None,
    ) -> aiohttp.ClientResponse:
        """Send a body as it is."""
        sent = self._headers(method, headers)
        sent["Content-Type"] = kind
        response = await self.session.request(method, path, data=body, headers=sent)
        await response.read()
        return response

    def _headers(self, method: str, given: Mapping[str, str | None]) -> CIMultiDict[str]:
        usual = {"Authorization": f"Bearer {self.token}"}
        if method == "POST":
            usual["Idempotency-Key"] = uuid4().hex
        if method in ("PUT", "PATCH"):
            usual["If-Match"] = "*"
        headers = CIMultiDict(usual)
        for name, value in given.items():
            headers.popall(name.replace("_", "-"), None)
            if value is not None:
                headers[name.replace("_", "-")] = value
        return headers


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
