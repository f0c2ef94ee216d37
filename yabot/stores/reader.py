"""The reading side: one query-only connection that sees whole commits and never blocks the writer.

The rule: a query is short. More connections would not be faster, as they share one interpreter.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import aiosqlite

from yabot.errors import StoreUnavailable
from yabot.stores.failures import meaning


class Reader:
    """Runs queries; after a failure of the database the next query opens it again."""

    def __init__(self, connect: Callable[[], Awaitable[aiosqlite.Connection]]) -> None:
        self._connect = connect
        self._connection: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()
        self._closed = False

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
        if connection is not None:
            await connection.close()
