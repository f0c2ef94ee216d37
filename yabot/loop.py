"""The event loop of the bot. The rule: a task that calls sys.exit() ends itself and nothing else.

In asyncio it would end the loop, and then every task at once, whoever waits for whom: the bot would
neither serve nor stop. A library that takes itself for a program is no reason for either.
"""

import asyncio
import sys
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar

import structlog

if sys.platform == "win32":
    from asyncio import ProactorEventLoop as BaseLoop
else:
    from uvloop import Loop as BaseLoop

ResultT = TypeVar("ResultT")

log = structlog.get_logger(__name__)


class Loop(BaseLoop):
    """Goes on when a task exits, unless it is the one that the loop runs for."""

    _main: asyncio.Future[Any] | None = None

    def run_until_complete(
        self, future: Generator[Any, None, ResultT] | Awaitable[ResultT]
    ) -> ResultT:
        """Run until `future` is done, and return its result."""
        self._main = future if isinstance(future, asyncio.Future) else None
        return super().run_until_complete(future)

    def run_forever(self) -> None:
        """Run until `stop` is called. Raises SystemExit of the task that it runs for."""
        while True:
            try:
                super().run_forever()
            except SystemExit as error:
                if self._main is None or self._main.done():
                    raise
                log.exception("task.exited", code=error.code, advice="it ended, the bot goes on")
            else:
                return
