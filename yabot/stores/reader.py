"""The reading side: one query-only connection that sees whole commits and never blocks the writer.

The rule: a query is short. More connections would not be faster, as they share one interpreter.
"""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import aiosqlite
import anyio
import structlog

from supervision import Breaker, BreakerOpen, backoff
from yabot.errors import StoreUnavailable
from yabot.stores.connections import BREAKER
from yabot.stores.failures import is_outage, meaning

LONGEST_PAUSE = 5.0
"""Seconds between two attempts to open the database again."""

log = structlog.get_logger(__name__)


class Reader:
    """Runs queries. A lost connection is opened again by `keep`, or by a query that comes first."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[aiosqlite.Connection]],
        breaker: Breaker | None = None,
    ) -> None:
        self.breaker = breaker or Breaker("sqlite-reader", BREAKER, counts=is_outage)
        self._connect = connect
        self._connection: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._lost = asyncio.Event()
        self._closed = False

    async def keep(self) -> None:
        """Open the database, and again whenever it was lost, for ever."""
        failures = 0
        while True:
            self._lost.clear()
            try:
                await self.connection()
            except StoreUnavailable:
                failures += 1
                pause = backoff(failures, base=0.1, cap=LONGEST_PAUSE, rng=random.random)
                await anyio.sleep(pause)
            else:
                failures = 0
                await self._lost.wait()

    async def connection(self) -> aiosqlite.Connection:
        """The query-only connection. Raises StoreUnavailable."""
        if self._connection is None:
            async with self._opening:
                if self._closed:
                    raise StoreUnavailable("the database is closed")
                if self._connection is None:
                    try:
                        self._connection = await self._connect()
                    except sqlite3.Error as error:
                        raise meaning(error) from error
        return self._connection

    async def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """All rows of a query. Raises StoreUnavailable."""
        try:
            return await self.breaker.call(partial(self._rows, sql, parameters))
        except BreakerOpen as error:
            raise meaning(error) from error

    async def _rows(self, sql: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        connection = await self.connection()
        try:
            return list(await connection.execute_fetchall(sql, parameters))  # type: ignore[arg-type]
        except (sqlite3.Error, ValueError) as error:
            told = meaning(error)
            if isinstance(told, StoreUnavailable) and connection is self._connection:
                await self._disconnect()
            raise told from error

    async def row(self, sql: str, *parameters: object) -> tuple[Any, ...] | None:
        """The first row of a query. Raises StoreUnavailable."""
        rows = await self.rows(sql, *parameters)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Close the connection for good."""
        self._closed = True
        await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._lost.set()
        if connection is None:
            return
        try:
            await connection.close()
        except (sqlite3.Error, ValueError) as error:
            log.warning("reader.close_failed", error=str(error))
