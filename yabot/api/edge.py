"""The edge of the server: every answer passes here, whoever made it.

The rule: nothing leaves without a request id, the security headers and a place in the metrics; and
what is not a success leaves as problem details, even what the HTTP parser refuses by itself.
"""

import re
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import uuid4

import structlog
from aiohttp import web

from yabot.api.dispatch import REQUEST_ID, ROUTE
from yabot.api.problems import Problem, crashed, from_error

MOST_IN_FLIGHT = 512
"""Requests that are answered at the same time; the next one is told to come back."""

UNMATCHED = "unmatched"
"""Stands in the metrics for every request that came to no route."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "yabot",
    "X-Content-Type-Options": "nosniff",
}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Observe(Protocol):
    """Told of every answer: its route, its status and how long it took."""

    def __call__(self, method: str, route: str, status: int, seconds: float) -> None: ...


class EdgeRunner(web.AppRunner):
    """Runs an application behind an edge."""

    def __init__(self, app: web.Application, observe: Observe, **options: object) -> None:
        super().__init__(app, **options)  # type: ignore[arg-type]
        self._observe = observe

    async def _make_server(self) -> web.Server:
        inner = await super()._make_server()
        return _EdgeServer(
            Edge(inner.request_handler, self._observe).answer,
            request_factory=inner.request_factory,
            loop=inner._loop,
            **inner._kwargs,
        )


class Edge:
    """Wraps what answers requests."""

    def __init__(self, inner: Answer, observe: Observe) -> None:
        self._inner = inner
        self._observe = observe
        self._in_flight = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer, whatever happens inside."""
        begun = time.perf_counter()
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        request[REQUEST_ID] = request_id
        self._in_flight += 1
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if self._in_flight > MOST_IN_FLIGHT:
                    raise _busy()
                response = await self._inner(request)
            except Exception as error:
                if request.writer.output_size > 0:
                    raise
                response = self._problem(request, error)
            finally:
                self._in_flight -= 1
        finish(response, request_id)
        seconds = time.perf_counter() - begun
        self._observe(request.method, route_of(request), response.status, seconds)
        return response

    def _problem(self, request: web.BaseRequest, error: Exception) -> web.Response:
        problem = from_error(error)
        if problem is None:
            log.exception("api.crashed", method=request.method, route=route_of(request))
            problem = crashed()
        return problem.response(instance=request.path, request_id=request[REQUEST_ID])


class _EdgeServer(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _EdgeProtocol(self, loop=self._loop, **self._kwargs)


class _EdgeProtocol(web.RequestHandler):
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
        log.info("api.malformed_request", error=type(exc).__name__, remote=request.remote)
        problem = Problem(status, "malformed_request", "this is not a valid HTTP/1.1 request")
        request_id = uuid4().hex
        response = problem.response(instance="/", request_id=request_id)
        finish(response, request_id)
        response.force_close()
        return response


def finish(response: web.StreamResponse, request_id: str) -> None:
    """Give an answer the headers that every answer has."""
    response.headers["X-Request-Id"] = request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def route_of(request: web.BaseRequest) -> str:
    """The path of the route as declared, so that metrics have one line per route."""
    return str(request.get(ROUTE, UNMATCHED))


def _busy() -> Problem:
    detail = f"{MOST_IN_FLIGHT} requests are being answered; try again in 1 s"
    return Problem(503, "busy", detail, headers={"Retry-After": "1"})
