"""Telling one reader of a table that rows may have come."""

import asyncio


class Bell:
    """Rung by commits, heard by one reader.

    The reader calls `silence` before it reads, so a commit that lands while it reads is heard.
    """

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self._rung.set()

    def ring(self, _written: object = None) -> None:
        """Rows have come."""
        self._rung.set()

    def silence(self) -> None:
        """Forget what has been rung so far."""
        self._rung.clear()

    async def heard(self) -> None:
        """Return when it has rung since it was silenced."""
        await self._rung.wait()
