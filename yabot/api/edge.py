"""The edge of the server: every answer passes here, whoever made it.

The rule: nothing leaves without a request id, the security headers and a place in the metrics; and
what is not a success leaves as problem details, even what the HTTP parser refuses by itself.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from random import getrandbits
from typing import Protocol

import structlog
from aiohttp import web
from structlog.contextvars import bind_contextvars

from yabot.api.caller import ANONYMOUS, Addresses
from yabot.api.dispatch import ADDRESS, QUOTA, REQUEST_ID, ROUTE
from yabot.api.language import preferred
from yabot.api.probes import LIVENESS
from yabot.api.problems import Problem, from_error
from yabot.domain.user import Language

MOST_IN_FLIGHT = 512
"""Requests that are answered at the same time; the next one is told to come back."""

FIRST_REQUEST = 10.0
"""Seconds that a new connection has to send the head of a request."""

UNMATCHED = "unmatched"
"""Stands in the metrics for every request that came to no route."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "OTHER"
"""Stands for methods that a caller made up."""

ONLY_TLS = "max-age=31536000"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "yabot",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Observe(Protocol):
    """Told of every answer: its route, its status and how long it took."""

    def __call__(self, method: str, route: str, status: int, seconds: float) -> None: ...


class EdgeRunner(web.AppRunner):
    """Runs an application behind an edge."""

    def __init__(
        self,
        app: web.Application,
        observe: Observe,
        addresses: Addresses,
        default_language: Language,
        **options: object,
    ) -> None:
        super().__init__(app, **options)  # type: ignore[arg-type]
        self._observe = observe
        self._addresses = addresses
        self._default_language = default_language

    async def _make_server(self) -> web.Server:
        inner = await super()._make_server()
        edge = Edge(inner.request_handler, self._observe, self._addresses, self._default_language)
        return _EdgeServer(
            edge,
            request_factory=inner.request_factory,
            loop=inner._loop,
            **inner._kwargs,
        )


class Edge:
    """Wraps what answers requests."""

    def __init__(
        self,
        inner: Answer,
        observe: Observe,
        addresses: Addresses,
        default_language: Language,
    ) -> None:
        self._inner = inner
        self._addresses = addresses
        self._default_language = default_language
        self._observe = observe
        self._in_flight = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, whatever happens inside."""
        begun = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
        request[REQUEST_ID] = request_id
        request[ADDRESS] = self._addresses.of(request)
        if isinstance(request.protocol, _EdgeProtocol):
            request.protocol.heard = True
        self._in_flight += 1
        bind_contextvars(request_id=request_id, client=ANONYMOUS)  # until the connection's next one
        try:
            if self._in_flight > MOST_IN_FLIGHT and request.path != LIVENESS:
                raise _busy()
            response = await self._inner(request)
        except Exception as error:
            if request.writer.output_size > 0:
                raise
            response = self._problem(request, error)
        finally:
            self._in_flight -= 1
        response.headers.update(request.get(QUOTA, {}))
        if request.secure:
            response.headers["Strict-Transport-Security"] = ONLY_TLS
        finish(response, request_id)
        self._tell(request, response.status, time.perf_counter() - begun)
        return response

    def malformed(
        self, request: web.BaseRequest, status: int, error: BaseException | None
    ) -> web.Response:
        """Answer what is no HTTP request, and has no headers that could be trusted."""
        log.info("api.malformed_request", error=type(error).__name__, remote=request.remote)
        problem = Problem("malformed_request" if status < 500 else "internal_error")
        request_id = new_id()
        response = problem.response(request_id=request_id, language=self._default_language)
        finish(response, request_id)
        self._observe(OTHER, UNMATCHED, response.status, 0.0)
        return response

    def _tell(self, request: web.BaseRequest, status: int, seconds: float) -> None:
        """The access log and the metrics. Neither holds what a caller may choose freely."""
        method = request.method if request.method in METHODS else OTHER
        route = route_of(request)
        self._observe(method, route, status, seconds)
        log.info(
            "api.request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
            address=request[ADDRESS],
        )

    def _problem(self, request: web.BaseRequest, error: Exception) -> web.Response:
        problem = from_error(error)
        if problem is None:
            log.exception("api.crashed", route=route_of(request))
            problem = Problem("internal_error")
        language = preferred(request.headers.get("Accept-Language"), self._default_language)
        return problem.response(request_id=request[REQUEST_ID], language=language)


class _EdgeServer(web.Server):
    def __init__(self, edge: Edge, **options: object) -> None:
        super().__init__(edge.answer, **options)  # type: ignore[arg-type]
        self._edge = edge

    def __call__(self) -> web.RequestHandler:
        return _EdgeProtocol(self, self._edge, loop=self._loop, **self._kwargs)


class _EdgeProtocol(web.RequestHandler):
    heard = False
    """Whether a request has come; after the first one, the keep-alive timeout ends a silence."""

    def __init__(self, server: _EdgeServer, edge: Edge, **options: object) -> None:
        super().__init__(server, **options)  # type: ignore[arg-type]
        self._edge = edge

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the first request some time, so that slow heads hold no connections."""
        super().connection_made(transport)
        self._loop.call_later(FIRST_REQUEST, self._end_unheard)

    def _end_unheard(self) -> None:
        if not self.heard:
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats what the caller sent
    ) -> web.StreamResponse:
        """Answer what is no HTTP request; the connection ends with it."""
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer has been sent") from exc
        response = self._edge.malformed(request, status, exc)
        response.force_close()
        return response


def new_id() -> str:
    """An id for a request. Nobody's secret, so the kernel, which takes long, is not asked."""
    return f"{getrandbits(128):032x}"


def finish(response: web.StreamResponse, request_id: str) -> None:
    """Give an answer the headers that every answer has."""
    response.headers["X-Request-Id"] = request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def route_of(request: web.BaseRequest) -> str:
    """The path of the route as declared, so that metrics have one line per route."""
    return str(request.get(ROUTE, UNMATCHED))


def _busy() -> Problem:
    return Problem("busy", headers={"Retry-After": "1"}, most=MOST_IN_FLIGHT, seconds=1)
