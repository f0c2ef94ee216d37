"""MongoConnection: the document server as the bot sees it, and the actor that keeps it in sight.

    away ──reached──▶ ready ──a call failed──▶ away          (tried again with a growing pause)
      └──reached, but its collections aren't ours──▶ incompatible   (looked at again each minute)

The rule: only a ready server is asked for anything, and nobody waits for one that is not, except
whoever says so. At a start an incompatible server ends it; later it is shown, and the bot goes on.
"""

import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import structlog

from actors import Actor
from supervision import (
    Breaker,
    BreakerOpen,
    BreakerPolicy,
    Condition,
    Health,
    Report,
    TimeWindow,
    backoff,
)
from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores.mongo.ports import DocumentStore

if TYPE_CHECKING:
    from yabot.stores.mongo.client import MongoDatabase

BREAKER = BreakerPolicy(
    window=TimeWindow(30), failure_rate=0.5, minimum_calls=3, open_for=1.0, longest_open=5.0
)

START_PATIENCE = 3.0
"""Seconds that a start waits for the server; then the bot begins without it."""

LONGEST_PAUSE = 5.0
"""Seconds between two attempts to reach the server."""

LOOK_AGAIN = 60.0
"""Seconds between two looks at a server whose collections aren't ours."""

AnswerT = TypeVar("AnswerT")

log = structlog.get_logger(__name__)


class Server(Protocol):
    """What is on the other side. Nothing is connected before `verify`."""

    @property
    def database(self) -> "MongoDatabase":
        """The handle of the database, for whoever needs more than documents."""
        ...

    @property
    def documents(self) -> DocumentStore:
        """The copies."""
        ...

    async def verify(self) -> None:
        """Make what is missing and compare the rest. Raises StoreUnavailable, ConfigError."""
        ...

    async def close(self) -> None:
        """Give the connections up."""
        ...


class MongoConnection:
    """One document server behind a breaker; made by `open_server` when the bot starts.

    `sessions` counts how often it became ready, so that a reader sees that it was away between.
    """

    def __init__(
        self,
        open_server: Callable[[], Server],
        *,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self._open_server = open_server
        self._server: Server | None = None
        self.breaker = Breaker("mongodb", BREAKER, counts=_is_outage, report=report)
        self.sessions = 0
        self.trouble: str | None = "not reached yet"
        self._ready = anyio.Event()
        self._lost = anyio.Event()

    @property
    def server(self) -> Server:
        """What is on the other side. Raises StoreUnavailable before the start."""
        if self._server is None:
            raise StoreUnavailable("MongoDB: not started yet")
        return self._server

    async def start(self) -> None:
        """Try to reach the server for a moment. Raises ConfigError where it is not usable."""
        self._server = self._open_server()
        with anyio.move_on_after(START_PATIENCE):
            try:
                await self._verify()
            except StoreUnavailable as error:
                self._lose(error)
        if self.trouble is not None:
            log.warning("mongodb.not_reached", error=self.trouble)

    def keeper(self) -> "MongoKeeper":
        """The actor that keeps the server in sight."""
        return MongoKeeper(self)

    async def keep(self) -> None:
        """Reach the server, and again whenever it was lost, for ever."""
        failures = 0
        while True:
            if self.trouble is None:
                failures = 0
                await self._lost.wait()
            try:
                await self._verify()
            except StoreUnavailable as error:
                failures += 1
                self._lose(error)
                pause = backoff(failures, base=0.2, cap=LONGEST_PAUSE, rng=random.random)
                await anyio.sleep(min(max(pause, error.retry_after or 0.0), LONGEST_PAUSE))
            except ConfigError as error:
                self._lose(error)
                log.error("mongodb.incompatible", problems=error.problems)
                await anyio.sleep(LOOK_AGAIN)

    async def ready(self) -> None:
        """Return when the server can be asked."""
        while self.trouble is not None:
            await self._ready.wait()

    async def call(self, ask: Callable[[DocumentStore], Awaitable[AnswerT]]) -> AnswerT:
        """Ask the server for something. Raises StoreUnavailable, at once while it is not ready."""
        if self.trouble is not None:
            raise StoreUnavailable(f"MongoDB: {self.trouble}")
        try:
            return await self._through_breaker(lambda: ask(self.server.documents))
        except StoreUnavailable as error:
            self._lose(error)
            raise

    async def recheck(self) -> None:
        """Look at the collections again, before anything is held against a document.

        Raises StoreUnavailable, also when they are no longer ours.
        """
        try:
            await self._through_breaker(self.server.verify)
        except (StoreUnavailable, ConfigError) as error:
            self._lose(error)
            raise StoreUnavailable(f"MongoDB: {error}") from error

    async def ping(self) -> None:
        """Ask for the least. Raises StoreUnavailable."""
        await self.call(lambda documents: documents.mark())

    def health(self) -> Condition:
        """Whether the server can be asked, and why not."""
        trouble = self.trouble
        return Condition(Health.OK) if trouble is None else Condition(Health.DOWN, trouble)

    def detail(self) -> str:
        """The state of the breaker."""
        return f"breaker {self.breaker.state.value}"

    async def close(self) -> None:
        """Give the connections up, if there are any."""
        self._lose(StoreUnavailable("closed"))
        if self._server is not None:
            await self._server.close()

    async def _verify(self) -> None:
        await self._through_breaker(self.server.verify)
        self.trouble = None
        self.sessions += 1
        self._lost = anyio.Event()
        self._ready.set()
        log.info("mongodb.ready", session=self.sessions)

    async def _through_breaker(self, function: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        try:
            return await self.breaker.call(function)
        except BreakerOpen as error:
            told = self.trouble or str(error)
            raise StoreUnavailable(told, retry_after=error.retry_after) from error

    def _lose(self, error: Exception) -> None:
        if self.trouble is None:
            log.warning("mongodb.lost", error=str(error))
            self._ready = anyio.Event()
        self.trouble = str(error)
        self._lost.set()


class MongoKeeper(Actor[object]):
    """The actor that keeps the server in sight."""

    def __init__(self, connection: MongoConnection) -> None:
        self._connection = connection

    async def run(self) -> None:
        """Reach it whenever it is lost."""
        await self._connection.keep()


def _is_outage(error: BaseException) -> bool:
    """A server that answers, even with what we can't use, is there."""
    return isinstance(error, StoreUnavailable)
