"""Running a coroutine at once, up to where it first waits.

Nearly all handlers never wait. Whoever guards a wait, with a deadline or with a sign of life, sets
that up only for a coroutine that does. The rule: it runs in its caller's task and context.
"""

from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """A coroutine that has run as far as it could: await it once for its result.

    Making one runs it, and raises what it raises before its first wait. `waits` tells whether it
    has come to one.
    """

    __slots__ = ("_result", "_wish", "_work", "waits")

    _result: T

    def __init__(self, work: Awaitable[T]) -> None:
        self._work = work.__await__()
        self.waits = True
        try:
            self._wish = self._work.send(None)
        except StopIteration as finished:
            self.waits = False
            self._result = finished.value

    def __await__(self) -> Generator[Any, Any, T]:
        """Hand what the coroutine wishes to the event loop, and what comes back to it."""
        if not self.waits:
            return self._result
        wish = self._wish
        try:
            while True:
                try:
                    heard = yield wish
                except BaseException as error:
                    wish = self._work.throw(error)
                else:
                    wish = self._work.send(heard)
        except StopIteration as finished:
            result: T = finished.value
            return result
