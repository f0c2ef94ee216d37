"""Kept connections to one server, one request at a time on each.

The rule: a request is sent once. Whoever asks again decides that for themselves, because a request
whose answer is lost may have had its effect.
"""

import asyncio
import socket
import ssl
from typing import cast
from urllib.parse import SplitResult

import aiohappyeyeballs

from yabot.eager import Begun
from yabot.telegram.answers import Answer, AnswerReader, BadAnswer

KEPT = 15.0
"""Seconds that an idle connection is kept; servers close theirs later than that."""

NEXT_ADDRESS = 0.25
"""Seconds after which the next address of the server is tried beside the one before (RFC 8305)."""


class Lost(ConnectionError):
    """The connection ended before the answer did."""


class Connection(asyncio.Protocol):
    """One connection. `idle_since` is when its last answer came, in the loop's time."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = AnswerReader()
        self._answer: asyncio.Future[Answer] | None = None

    async def exchange(self, request: bytes, deadline: float) -> Answer:
        """Send a request and wait for its answer until `deadline`, in the loop's time.

        Raises TimeoutError, Lost, BadAnswer, OSError.
        """
        if self._transport is None:
            raise Lost("the connection was closed")
        self._reader = AnswerReader()
        self._answer = self._loop.create_future()
        timer = self._loop.call_at(deadline, self._fail, TimeoutError("no answer in time"))
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            timer.cancel()
            self._answer = None
            self.idle_since = self._loop.time()

    @property
    def open(self) -> bool:
        """Whether nobody has closed it."""
        return self._transport is not None

    def close(self) -> None:
        """Give it up, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes have come; nobody sends any unasked."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        try:
            answer = self._reader.feed(data)
        except BadAnswer as error:
            self._fail(error)
            return
        if answer is not None:
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone; an answer that was to last until then is complete."""
        self._transport = None
        answer = self._reader.end() if error is None else None
        if answer is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
        self._fail(error or Lost("the connection was closed"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


class Connections:
    """At most `limit` connections to the server of a URL; the freshest idle one is used first."""

    def __init__(self, url: SplitResult, limit: int) -> None:
        self._host = url.hostname or ""
        self._port = url.port or (443 if url.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if url.scheme == "https" else None
        self._slots = asyncio.Semaphore(limit)
        self._idle: list[Connection] = []

    async def exchange(self, request: bytes, timeout: float) -> Answer:
        """One request and its answer within `timeout` seconds, the wait for a connection included.

        Raises TimeoutError, Lost, BadAnswer, OSError.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        taking = Begun(self._take())
        if taking.waits:
            async with asyncio.timeout_at(deadline):
                connection = await taking
        else:
            connection = await taking
        try:
            answer = await connection.exchange(request, deadline)
            if answer.reusable and connection.open:
                self._idle.append(connection)
            else:
                connection.close()
            return answer
        except BaseException:
            connection.close()
            raise
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close what is idle; what is in use is closed by its user's end."""
        while self._idle:
            self._idle.pop().close()

    async def _take(self) -> Connection:
        """A connection that is ready, and a slot with it."""
        await self._slots.acquire()
        try:
            return self._kept() or await self._connect()
        except BaseException:
            self._slots.release()
            raise

    def _kept(self) -> Connection | None:
        stale = asyncio.get_running_loop().time() - KEPT
        while self._idle and self._idle[0].idle_since < stale:
            self._idle.pop(0).close()
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        connected = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=NEXT_ADDRESS
        )
        try:
            _, connection = await loop.create_connection(
                Connection,
                sock=connected,
                ssl=self._tls,
                server_hostname=self._host if self._tls else None,
            )
        except BaseException:
            connected.close()
            raise
        return connection
