"""Kept connections: used again, never for two requests at once, given up when in doubt."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.waiting import until
from yabot.telegram import connections as module
from yabot.telegram.answers import Answer, BadAnswer
from yabot.telegram.connections import Connections, Lost

pytestmark = pytest.mark.anyio

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nping"
PONG = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong"

LOOPS = [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})]

Serve = Callable[["Visit"], Awaitable[None]]


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Both loops, as their transports differ."""
    return request.param


@dataclass
class Visit:
    """One connection as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: list[bytes] = field(default_factory=list)

    async def request(self) -> bytes:
        """The next request; an error when the client has gone."""
        self.requests.append(await self.reader.readexactly(len(REQUEST)))
        return self.requests[-1]

    async def answer(self, data: bytes = PONG) -> None:
        self.writer.write(data)
        await self.writer.drain()

    @property
    def unread(self) -> int:
        """Bytes that came beyond what was read."""
        return len(self.reader._buffer)  # type: ignore[attr-defined]


@dataclass
class Server:
    """A server that does with each connection what the test says."""

    port: int
    visits: list[Visit]
    gone: int = 0

    def connections(self, limit: int = 10, scheme: str = "http") -> Connections:
        return Connections(urlsplit(f"{scheme}://127.0.0.1:{self.port}"), limit)


@asynccontextmanager
async def serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    here = Server(0, [])
    tasks: set[asyncio.Task[None]] = set()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        visit = Visit(reader, writer)
        here.visits.append(visit)
        try:
            await serve(visit)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            here.gone += 1
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(visited, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def politely(visit: Visit) -> None:
    while True:
        await visit.request()
        await visit.answer()


async def test_a_connection_is_used_again() -> None:
    async with serving(politely) as server:
        connections = server.connections()
        for _ in range(3):
            answer = await connections.exchange(REQUEST, 5)
            assert answer == Answer(200, b"pong", True)
        connections.close()
    assert len(server.visits) == 1
    assert server.visits[0].requests == [REQUEST] * 3


async def test_requests_at_once_have_a_connection_each_up_to_the_limit() -> None:
    arrived = asyncio.Semaphore(0)
    go = asyncio.Event()

    async def patiently(visit: Visit) -> None:
        while True:
            await visit.request()
            arrived.release()
            await go.wait()
            assert visit.unread == 0
            await visit.answer()

    async with serving(patiently) as server:
        connections = server.connections(limit=2)
        calls = [asyncio.ensure_future(connections.exchange(REQUEST, 5)) for _ in range(5)]
        async with asyncio.timeout(5):
            await arrived.acquire()
            await arrived.acquire()
        assert [len(visit.requests) for visit in server.visits] == [1, 1]
        go.set()
        answers = await asyncio.gather(*calls)
        assert [answer.body for answer in answers] == [b"pong"] * 5
        assert len(server.visits) == 2
        connections.close()


async def test_a_connection_that_its_server_has_closed_is_not_used_again() -> None:
    async def once(visit: Visit) -> None:
        await visit.request()
        await visit.answer()

    async with serving(once) as server:
        connections = server.connections()
        for number in range(1, 4):
            await connections.exchange(REQUEST, 5)
            (kept,) = connections._idle
            await until(lambda kept=kept: not kept.open)
            assert len(server.visits) == number
        connections.close()


async def test_an_idle_connection_is_given_up_before_its_server_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving(politely) as server:
        connections = server.connections()
        await connections.exchange(REQUEST, 5)
        monkeypatch.setattr(module, "KEPT", 0.0)
        await anyio.sleep(0.001)
        await connections.exchange(REQUEST, 5)
        await until(lambda: server.gone == 1)
        assert len(server.visits) == 2
        connections.close()


async def test_an_answer_that_ends_its_connection_ends_it() -> None:
    async def last(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npo")
        await visit.answer(b"ng")

    async with serving(last) as server:
        connections = server.connections()
        for _ in range(2):
            assert (await connections.exchange(REQUEST, 5)).body == b"pong"
        assert len(server.visits) == 2


@pytest.mark.parametrize("part", [b"", PONG[:20], PONG[:-1]], ids=["nothing", "head", "body"])
async def test_a_request_whose_answer_is_lost_is_not_sent_again(part: bytes) -> None:
    async def break_off(visit: Visit) -> None:
        await visit.request()
        await visit.answer(part)
        visit.writer.close()
        await visit.writer.wait_closed()

    async with serving(break_off) as server:
        with pytest.raises((Lost, ConnectionResetError)):
            await server.connections().exchange(REQUEST, 5)
        assert [len(visit.requests) for visit in server.visits] == [1]


async def test_a_bad_answer_costs_its_connection() -> None:
    async def nonsense(visit: Visit) -> None:
        await visit.request()
        await visit.answer(b"220 mail.example.com ESMTP\r\n\r\n")
        await visit.request()

    async with serving(nonsense) as server:
        connections = server.connections()
        for _ in range(2):
            with pytest.raises(BadAnswer):
                await connections.exchange(REQUEST, 5)
        await until(lambda: server.gone == 2)


async def test_bytes_that_nobody_asked_for_cost_their_connection() -> None:
    async def talkative(visit: Visit) -> None:
        await visit.request()
        await visit.answer()
        await visit.answer(PONG.replace(b"pong", b"fool"))
        await visit.request()

    async with serving(talkative) as server:
        connections = server.connections()
        assert (await connections.exchange(REQUEST, 5)).body == b"pong"
        await until(lambda: server.gone == 1)
        assert (await connections.exchange(REQUEST, 5)).body == b"pong"
        assert len(server.visits) == 2
        connections.close()


async def test_an_answer_is_waited_for_until_the_deadline_and_its_connection_given_up() -> None:
    async def slow(visit: Visit) -> None:
        await visit.request()
        await visit.request()

    async with serving(slow) as server:
        connections = server.connections(limit=1)
        with anyio.fail_after(5):
            with pytest.raises(TimeoutError):
                await connections.exchange(REQUEST, 0.02)
            await until(lambda: server.gone == 1)
        with pytest.raises(TimeoutError):
            await connections.exchange(REQUEST, 0.02)


async def test_the_wait_for_a_free_connection_counts() -> None:
    async def slow(visit: Visit) -> None:
        await visit.request()
        await visit.request()

    async with serving(slow) as server:
        connections = server.connections(limit=1)
        first = asyncio.ensure_future(connections.exchange(REQUEST, 5))
        await until(lambda: bool(server.visits and server.visits[0].requests))
        with pytest.raises(TimeoutError):
            await connections.exchange(REQUEST, 0.02)
        assert len(server.visits) == 1
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first


async def test_a_cancelled_call_gives_its_place_to_the_next() -> None:
    stuck = asyncio.Event()

    async def first_one_hangs(visit: Visit) -> None:
        await visit.request()
        if not stuck.is_set():
            stuck.set()
            await visit.request()
        await visit.answer()
        await visit.request()

    async with serving(first_one_hangs) as server:
        connections = server.connections(limit=1)
        hanging = asyncio.ensure_future(connections.exchange(REQUEST, 5))
        waiting = asyncio.ensure_future(connections.exchange(REQUEST, 5))
        await stuck.wait()
        hanging.cancel()
        assert (await waiting).body == b"pong"
        assert hanging.cancelled()
        await until(lambda: server.gone == 1)
        connections.close()


async def test_closing_ends_what_is_idle_and_a_later_call_connects_again() -> None:
    async with serving(politely) as server:
        connections = server.connections()
        await connections.exchange(REQUEST, 5)
        connections.close()
        await until(lambda: server.gone == 1)
        await connections.exchange(REQUEST, 5)
        connections.close()
        assert len(server.visits) == 2


async def test_nobody_there_is_an_error_of_the_system() -> None:
    async with serving(politely) as server:
        connections = server.connections()
    with pytest.raises(OSError):  # noqa: PT011
        await connections.exchange(REQUEST, 5)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the loopback that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls(identity: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*identity)
    return context


async def test_over_tls_it_is_the_same(
    tls: ssl.SSLContext, identity: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(identity[0]))
    async with serving(politely, tls) as server:
        connections = server.connections(scheme="https")
        for _ in range(3):
            assert (await connections.exchange(REQUEST, 5)).body == b"pong"
        assert len(server.visits) == 1
        connections.close()
        await until(lambda: server.gone == 1)


async def test_a_certificate_that_nobody_vouches_for_is_refused(tls: ssl.SSLContext) -> None:
    async with serving(politely, tls) as server:
        with pytest.raises(ssl.SSLCertVerificationError):
            await server.connections(scheme="https").exchange(REQUEST, 5)
    assert all(not visit.requests for visit in server.visits)
