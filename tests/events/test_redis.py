"""The way to Redis, in each of its forms, and what is said when there is none."""

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.abc
import pytest
from anyio.streams.tls import TLSListener
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from supervision import BreakerState
from tests.events.streams import bridge, held, repeated
from tests.processes import free_port
from tests.servers.valkey import Valkey, cluster, guarded, reaching
from tests.waiting import until
from yabot.events import redis
from yabot.events.bus import EventBus
from yabot.events.redis import CONNECTIONS, Client
from yabot.events.redis_errors import AccessDenied, RedisAway, RedisRefused
from yabot.stores.database import DatabaseManager

pytestmark = pytest.mark.anyio


async def block(client: Client) -> object:
    """Wait at the server for what never comes, on a connection of its own."""
    return await client.execute_command("BLPOP", "nothing", "0.2")


async def test_more_calls_than_connections_wait_their_turn(valkey: Valkey) -> None:
    done: list[object] = []
    async with reaching(valkey.url) as server, anyio.create_task_group() as group:

        async def ask() -> None:
            done.append(await server.call(block))

        for _ in range(3 * CONNECTIONS):
            group.start_soon(ask)
        clients: list[int] = []
        while len(done) < 3 * CONNECTIONS:
            info = await valkey.ask("INFO", "clients")
            assert isinstance(info, dict)
            clients.append(info["connected_clients"])
        assert max(clients) <= CONNECTIONS + 1
        assert max(clients) > CONNECTIONS // 2


async def test_a_password_opens_a_server_and_a_wrong_one_is_told_with_what_to_mend(
    tmp_path: Path,
) -> None:
    valkey = Valkey(tmp_path / "valkey", password="s3cret/@")
    try:
        await valkey.start()
        async with reaching(valkey.url, "s3cret/@") as server:
            await server.ping()
        async with reaching(f"redis://:s3cret%2F%40@127.0.0.1:{valkey.port}") as server:
            await server.ping()
        for wrong in ("wrong-secret", None):
            async with reaching(valkey.url, wrong) as server:
                with pytest.raises(AccessDenied, match="REDIS_PASSWORD") as raised:
                    await server.ping()
                assert "wrong-secret" not in str(raised.value)
    finally:
        valkey.end()


async def test_nobody_there_is_told_and_opens_the_breaker() -> None:
    async with reaching(f"redis://:secret@127.0.0.1:{free_port()}") as server:
        for _ in range(3):
            with pytest.raises(RedisAway, match="ConnectionError") as raised:
                await server.ping()
            assert "secret" not in str(raised.value)
        assert server.breaker.state is BreakerState.OPEN
        with pytest.raises(RedisAway, match="breaker open") as refused:
            await server.ping()
        assert refused.value.retry_after is not None
        assert refused.value.retry_after > 0


async def test_a_server_that_takes_and_does_not_answer_is_given_up(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "SOCKET_TIMEOUT", 0.2)
    async with reaching(valkey.url) as server:
        await server.ping()
        async with valkey.frozen():
            with pytest.raises(RedisAway, match="TimeoutError"):
                await server.ping()
        await server.ping()


async def test_what_speaks_another_protocol_is_told() -> None:
    async def answer(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serving(answer) as port, reaching(f"redis://127.0.0.1:{port}") as server:
        with pytest.raises(RedisAway, match="does not speak Redis's protocol"):
            await server.ping()


async def test_a_refused_command_is_no_outage(valkey: Valkey) -> None:
    async with reaching(valkey.url) as server:
        for _ in range(10):
            with pytest.raises(RedisRefused) as raised:
                await server.call(lambda client: client.xreadgroup("g", "me", {"key": ">"}))
            assert raised.value.code == "NOGROUP"
        assert server.breaker.state is BreakerState.CLOSED


async def test_a_socket_of_this_machine_is_a_way_too(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    valkey = Valkey(tmp_path / "valkey", ("--unixsocket", str(path)))
    try:
        await valkey.start()
        async with reaching(f"unix://{path}?db=3") as server:
            await server.call(lambda client: client.set("key", "there"))
        async with reaching(f"{valkey.url}/3") as server:
            assert await server.call(lambda client: client.get("key")) == b"there"
    finally:
        valkey.end()


async def test_tls_is_spoken_and_an_unknown_certificate_refused(
    tmp_path: Path, valkey: Valkey
) -> None:
    certificate = a_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def forward(stream: anyio.abc.ByteStream) -> None:
        inner = await anyio.connect_tcp("127.0.0.1", valkey.port)
        async with stream, inner, anyio.create_task_group() as group:
            group.start_soon(pump, stream, inner, group.cancel_scope)
            group.start_soon(pump, inner, stream, group.cancel_scope)

    async with serving(forward, context) as port:
        url = f"rediss://127.0.0.1:{port}"
        async with reaching(f"{url}?ssl_ca_certs={certificate}") as server:
            await server.ping()
        async with reaching(url) as server:
            with pytest.raises(RedisAway, match="certificate"):
                await server.ping()


async def test_the_bus_says_whether_the_server_answers(db: DatabaseManager, valkey: Valkey) -> None:
    async with reaching(valkey.url) as server:
        bus = EventBus(db.events, ping=server.ping)
        assert (await bus.health_check()).connected is True
        await valkey.kill()
        assert (await bus.health_check()).connected is False


async def test_the_bridge_works_on_a_cluster(path: Path, tmp_path: Path) -> None:
    async with cluster(tmp_path / "node") as node:
        url = node.url.replace("redis:", "redis+cluster:")
        async with bridge(path, node, url=url) as it:
            it.begin()
            await it.leave(times=5)
            await it.level()
            await node.kill()
            await it.leave(times=5)
            await node.restart()
            await it.level(deadline=60)
            assert repeated(await held(it.server)) == 0


async def test_the_bridge_follows_the_master_that_sentinels_name(
    path: Path, tmp_path: Path
) -> None:
    async with (
        guarded(tmp_path) as servers,
        bridge(path, servers.master, url=servers.sentinel.way) as it,
    ):
        it.begin()
        await it.leave(times=5)
        await it.level()
        await servers.master.kill()
        await it.leave(times=5)
        await it.level(deadline=60)
        async with reaching(servers.replica.url) as promoted:
            assert len(await held(promoted)) >= len(await it.committed())


async def test_what_a_failover_lost_is_sent_again(path: Path, tmp_path: Path) -> None:
    async with (
        guarded(tmp_path) as servers,
        bridge(path, servers.master, url=servers.sentinel.way) as it,
    ):
        it.begin()
        await it.leave(times=5)
        await it.level()
        async with servers.replica.frozen():
            await it.leave(times=5)
            await until(lambda: it.bridging.sent == len(it.published) == 10 * 40)
            await servers.master.kill()
        await it.level(deadline=60)
        assert it.bridging.resent > 0


@asynccontextmanager
async def serving(
    handle: Callable[[anyio.abc.ByteStream], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Something else that listens; gives its port."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = int(listener.extra(anyio.abc.SocketAttribute.local_port))
    served: anyio.abc.Listener[anyio.abc.ByteStream] = (
        TLSListener(listener, context) if context is not None else listener
    )
    async with listener, anyio.create_task_group() as group:
        group.start_soon(served.serve, handle)
        yield port
        group.cancel_scope.cancel()


async def pump(
    source: anyio.abc.ByteStream, sink: anyio.abc.ByteStream, both: anyio.CancelScope
) -> None:
    """Pass on what comes, until one side has closed."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for data in source:
            await sink.send(data)
    both.cancel()


def a_certificate(folder: Path) -> Path:
    """One that signs itself, for this machine, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
