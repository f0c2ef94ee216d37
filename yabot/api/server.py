"""APIServer: the actor that owns the listening socket of the internal API.

The rule: the socket lives exactly as long as one incarnation; what the routes need is handed in.
"""

import errno
import ssl
from dataclasses import dataclass

import structlog
from aiohttp import web

from actors import Actor
from yabot.api.dispatch import Dispatch
from yabot.api.edge import EdgeRunner, Observe
from yabot.api.gate import Gate
from yabot.api.problems import LARGEST_BODY
from yabot.api.table import APIServices, routes, with_description
from yabot.api.tokens import Principal
from yabot.domain.user import Language
from yabot.errors import ConfigError
from yabot.users.ports import Clock

PATIENCE = 2.0
"""Seconds that requests in hand get when the server stops."""

IDLE = 75.0
"""Seconds after an answer in which a connection has to come to its next request."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class APIAddress:
    """Where the server listens; port 0 takes a free one. `tls` None is plain HTTP."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls: ssl.SSLContext | None = None


class APIServer(Actor[object]):
    """Serves the routes until it is stopped."""

    def __init__(
        self,
        address: APIAddress,
        services: APIServices,
        gate: Gate,
        *,
        clock: Clock,
        observe: Observe,
        default_language: Language = "es",
    ) -> None:
        self._address = address
        self._routes = with_description(routes(services, gate, clock))
        self._gate = gate
        self._observe = observe
        self._default_language = default_language
        self._runner: EdgeRunner | None = None

    async def started(self) -> None:
        """Learn what is revoked, then serve. Raises ConfigError, StoreUnavailable."""
        await self._gate.open()
        await self.start_server()

    async def start_server(self) -> None:
        """Bind and serve. Raises ConfigError where the address can't be had."""
        app = web.Application(client_max_size=LARGEST_BODY)
        self.register_endpoints(app)
        self._runner = EdgeRunner(
            app,
            self._observe,
            self._gate.addresses,
            self._default_language,
            access_log=None,
            keepalive_timeout=IDLE,
            shutdown_timeout=PATIENCE,
            handle_signals=False,
        )
        await self._runner.setup()
        here = self._address
        site = web.TCPSite(self._runner, here.host, here.port, ssl_context=here.tls)
        try:
            await site.start()
        except OSError as error:
            await self._close()
            raise ConfigError([_explain(here, error)]) from error
        host, port = self._runner.addresses[0][:2]
        log.info("api.listening", host=host, port=port)

    def register_endpoints(self, app: web.Application) -> None:
        """Give an application the routes of the table, and HEAD where there is GET."""
        for route in self._routes:
            dispatch = Dispatch(route, self._gate, self._default_language)
            resource = app.router.add_resource(route.path)
            resource.add_route(route.method, dispatch.answer)
            if route.method == "GET":
                resource.add_route("HEAD", dispatch.answer)

    def authenticate_request(self, token: str) -> Principal:
        """Who a token speaks for. Raises BadToken."""
        return self._gate.auth.authenticate_request(token)

    async def stopping(self) -> None:
        """Refuse what is new, finish what is in hand."""
        await self._close()

    async def restarting(self, error: Exception) -> None:
        """Free the socket for the next incarnation."""
        log.warning("api.closing", reason=str(error))
        await self._close()

    async def _close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()


def _explain(address: APIAddress, error: OSError) -> str:
    where = f"{address.host}:{address.port}"
    if error.errno == errno.EADDRINUSE:
        return f"API_PORT: {where} is in use; stop what listens there or choose another port"
    if error.errno == errno.EACCES:
        return f"API_PORT: {where} needs privileges; choose a port from 1024 up"
    return f"API_HOST: can't listen on {where}: {error.strerror or error}; choose another address"
