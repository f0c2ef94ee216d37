"""Wake-ups by key, for long polls.

The rule: a signal carries nothing; whoever wakes looks at the world again.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress


class Signals:
    """Futures of the long polls that wait for a key."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    def notify(self, key: int) -> None:
        for future in self._waiting.pop(key, ()):
            if not future.done():
                future.set_result(None)

    async def wait(self, *keys: int, timeout: float) -> None:
        """Return when one of the keys is notified, at `close`, or after `timeout` seconds."""
        if self._closed:
            return
        future = asyncio.get_running_loop().create_future()
        for key in keys:
            self._waiting[key].add(future)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await future
        finally:
            for key in self._waiting.keys() & set(keys):
                self._waiting[key].discard(future)
                if not self._waiting[key]:
                    del self._waiting[key]

    def close(self) -> None:
        """Wake everybody, and let nobody wait again."""
        self._closed = True
        for key in list(self._waiting):
            self.notify(key)
