"""The sandbox as a server: one aiohttp application, one database, one lifetime.

The rule: what starts here stops here, in the opposite order, and nothing that was answered for
is lost by a clean stop.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from aiohttp import web

from yabot.sandbox.api import BotApi
from yabot.sandbox.driver import driver_application
from yabot.sandbox.errors import ApiError, NotFound
from yabot.sandbox.faults import ConnectionDropped
from yabot.sandbox.journal import Journal
from yabot.sandbox.parameters import decode, decode_multipart
from yabot.sandbox.signals import Signals
from yabot.sandbox.world import World

MAX_BODY = 20 * 1024 * 1024
SHUTDOWN_TIMEOUT = 1.0
PAGE = Path(__file__).with_name("chat.html")
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
}


class Sandbox:
    """A local Telegram: Bot API, driver API and chat page on one port.

    host, port: where to listen; port 0 takes a free one, see `url`.
    database: the SQLite file of the world, or ':memory:'.
    tokens: the only bot tokens accepted; by default any well-formed one.
    throttle_repeated_offset: limit polls that repeat an offset, as the real server does.
    webhook_retry_delay: seconds before the second repetition of a webhook request (doubling).
    clock: seconds since the epoch.

    Use as `async with Sandbox() as sandbox`. Starting raises JournalError when the database
    cannot be used, OSError when the port cannot.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        database: str = ":memory:",
        tokens: Collection[str] = (),
        throttle_repeated_offset: bool = True,
        webhook_retry_delay: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._port = port
        self._database = database
        self._tokens = tokens
        self._throttled = throttle_repeated_offset
        self._first_delay = webhook_retry_delay
        self._clock = clock
        self.url = ""

    async def start(self) -> None:
        async with AsyncExitStack() as stack:
            journal = Journal(self._database)
            stack.callback(journal.close)
            self._world = World(journal, self._clock)
            stack.callback(self._world.settle)
            stack.push_async_callback(_end, asyncio.create_task(journal.run()))
            self._signals = Signals()
            self._world.watch = self._signals.notify
            self._api = BotApi(
                self._world,
                self._signals,
                tokens=self._tokens,
                throttled=self._throttled,
                first_delay=self._first_delay,
            )
            runner = web.AppRunner(
                self._application(),
                access_log=None,
                handler_cancellation=True,
                shutdown_timeout=SHUTDOWN_TIMEOUT,
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self._host, self._port).start()
            host = f"[{self._host}]" if ":" in self._host else self._host
            self.url = f"http://{host}:{runner.addresses[0][1]}"
            self._stack = stack.pop_all()

    async def stop(self) -> None:
        """Answer the waiting polls, end deliveries, write everything down."""
        await self._stack.aclose()

    @property
    def world(self) -> World:
        """What the sandbox knows, for programs that play people inside its process."""
        return self._world

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY)
        application.on_shutdown.append(self._hang_up)
        application.router.add_post("/bot{token}/{method}", self._call)
        application.router.add_get("/bot{token}/{method}", self._call)
        application.add_subapp(
            "/sandbox", driver_application(self._world, self._api, self._signals)
        )
        application.router.add_get("/", self._page)
        application.router.add_route("*", "/{anything:.*}", self._nothing)
        return application

    async def _hang_up(self, _application: web.Application) -> None:
        """Let every waiting request end, so that the server has nobody to wait for."""
        self._signals.close()
        await self._api.close()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        match = request.match_info
        try:
            values = await _arguments(request)
            answer = await self._api.call(match["token"], match["method"], values)
        except ApiError as error:
            return _refusal(error)
        except ConnectionDropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(body=answer.body, status=answer.status, content_type="application/json")

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.FileResponse(PAGE, headers=PAGE_HEADERS)

    async def _nothing(self, _request: web.Request) -> web.StreamResponse:
        return _refusal(NotFound())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _arguments(request: web.Request) -> dict[str, object]:
    """The arguments of a call; those of the body win over those of the query string."""
    values: dict[str, object] = dict(request.query) if request.query_string else {}
    if request.can_read_body:
        if request.content_type.startswith("multipart/"):
            values.update(await decode_multipart(await request.multipart()))
        else:
            values.update(decode(request.content_type, await request.read()))
    return values


def _refusal(error: ApiError) -> web.Response:
    return web.Response(
        body=orjson.dumps(error.body()), status=error.code, content_type="application/json"
    )
