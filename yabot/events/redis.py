"""RedisServer: the way to Redis, whatever stands there: a server, sentinels or a cluster.

The rule: no other module makes a client. At most `CONNECTIONS` calls are under way and the rest
wait their turn, because the library's pools raise when they are full; nothing is tried again here,
because only the caller knows what a lost answer means.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import anyio
from pydantic import SecretStr
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException, RedisError

from supervision import Breaker, BreakerOpen, BreakerPolicy, BreakerState, Report, TimeWindow
from yabot.events.redis_address import Login, RedisAddress, parse
from yabot.events.redis_errors import RedisAway, is_outage, meaning

CONNECTIONS = 50
"""Connections at most, and so calls at once."""

CONNECT_TIMEOUT = 5.0
SOCKET_TIMEOUT = 10.0
"""Seconds; a call that blocks on purpose must block for less than the latter."""

TURNED = 2
"""How often a call to a cluster follows its slots to where they have moved."""

BREAKER = BreakerPolicy(
    window=TimeWindow(30), failure_rate=0.5, minimum_calls=3, open_for=1.0, longest_open=5.0
)

Client: TypeAlias = Redis | RedisCluster
AnswerT = TypeVar("AnswerT")


class RedisServer:
    """A client behind a breaker. Nothing is connected before the first call."""

    def __init__(
        self,
        client: Client,
        shown: str,
        *,
        aside: tuple[Redis, ...] = (),
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self.shown = shown
        self.breaker = Breaker("redis", BREAKER, counts=is_outage, report=report)
        self._client = client
        self._aside = aside
        self._places = anyio.Semaphore(CONNECTIONS)

    async def call(self, ask: Callable[[Client], Awaitable[AnswerT]]) -> AnswerT:
        """Ask the server for something. Raises RedisAway, RedisRefused."""
        async with self._places:
            try:
                return await self.breaker.call(lambda: ask(self._client))
            except BreakerOpen as error:
                told = f"Redis: breaker open, last error {self.last_error}"
                raise RedisAway(told, retry_after=error.retry_after) from error
            except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
                raise meaning(error) from error

    async def ping(self) -> None:
        """Ask for the least. Raises RedisAway, RedisRefused."""
        await self.call(lambda client: client.execute_command("PING"))

    @property
    def last_error(self) -> str:
        """The name of the last error that counted; empty when there was none."""
        return (self.breaker.statistics().last_error or "").partition(":")[0]

    def detail(self) -> str:
        """The state of the breaker, and why it is not closed."""
        state = self.breaker.state
        why = f" ({self.last_error})" if state is not BreakerState.CLOSED else ""
        return f"breaker {state.value}{why}"

    async def close(self) -> None:
        """Give the connections up."""
        with anyio.CancelScope(shield=True):
            for client in (self._client, *self._aside):
                with suppress(RedisError, OSError):
                    await client.aclose()


def connect(
    url: SecretStr,
    password: SecretStr | None = None,
    *,
    report: Callable[[Report], None] | None = None,
) -> RedisServer:
    """The server at REDIS_URL, which is not asked for anything yet.

    `report` hears of what the breaker does. Raises ConfigError for what can't be an address.
    """
    address = parse(url, password)
    match address.kind:
        case "server":
            (host, port), *_ = address.hosts
            client = Redis(
                host=host, port=port, db=address.database, max_connections=CONNECTIONS,
                **_options(address, address.login),
            )  # fmt: skip
        case "socket":
            client = Redis(
                unix_socket_path=address.path, db=address.database, max_connections=CONNECTIONS,
                **_options(address, address.login),
            )  # fmt: skip
        case "sentinel":
            return _behind_sentinels(address, report)
        case "cluster":
            return RedisServer(_cluster(address), address.shown, report=report)
    return RedisServer(client, address.shown, report=report)


def _behind_sentinels(
    address: RedisAddress, report: Callable[[Report], None] | None
) -> RedisServer:
    ours = _options(address, address.sentinel_login)
    sentinel = Sentinel(address.hosts, sentinel_kwargs=ours)  # type: ignore[no-untyped-call]
    master = sentinel.master_for(
        address.master, db=address.database, max_connections=CONNECTIONS,
        **_options(address, address.login),
    )  # fmt: skip
    return RedisServer(master, address.shown, aside=tuple(sentinel.sentinels), report=report)


def _cluster(address: RedisAddress) -> RedisCluster:
    options = _options(address, address.login)
    options["retry"] = Retry(NoBackoff(), TURNED)
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in address.hosts],
        max_connections=CONNECTIONS,
        require_full_coverage=False,
        **options,
    )


def _options(address: RedisAddress, login: Login) -> dict[str, Any]:
    """What every connection has: the older protocol, whose answers look the same everywhere."""
    options: dict[str, Any] = {
        "protocol": 2,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "socket_timeout": SOCKET_TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
        "username": login.username,
        "password": login.password.get_secret_value() if login.password is not None else None,
    }
    return {**options, "ssl": True, **address.files} if address.tls else options
