"""One deadline per request, for its body and all questions to users that answering it takes.

The rule: routes and services say nothing of time; a question to a user gets what is left of it.
"""

import asyncio
import re
from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType

from yabot.api.problems import Problem
from yabot.domain.commands import Command
from yabot.domain.decision import Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, Precondition, UserGateway

DEFAULT_TIMEOUT = 10.0
LONGEST_TIMEOUT = 30.0
"""Seconds for a request; `X-Request-Timeout` asks for fewer, or for more up to the longest."""

GRACE = 0.5
"""Seconds that the request waits longer than its last question, whose own timeout says more."""

LEAST = 0.001
"""Seconds that a question gets when the request's time is already over."""

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

_deadline: ContextVar[float | None] = ContextVar("yabot.api.deadline", default=None)


def granted(headers: Mapping[str, str]) -> float:
    """When the time of a request is over, on the loop's clock. Raises Problem.

    It begins now, and is what its caller asks for, within bounds.
    """
    text = headers.get("X-Request-Timeout")
    if text is None:
        return _now() + DEFAULT_TIMEOUT
    seconds = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not seconds:
        raise Problem("timeout_invalid")
    return _now() + min(seconds, LONGEST_TIMEOUT)


class Deadline:
    """An async context: everything inside has until `ends`. Raises TimeoutError after it."""

    __slots__ = ("_ends", "_timeout", "_token")

    def __init__(self, ends: float) -> None:
        self._ends = ends

    async def __aenter__(self) -> None:
        self._token = _deadline.set(self._ends)
        self._timeout = asyncio.timeout_at(self._ends + GRACE)
        await self._timeout.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _deadline.reset(self._token)
        await self._timeout.__aexit__(kind, error, traceback)


class DeadlineGateway:
    """A UserGateway that keeps to the deadline of the request in which it is called."""

    def __init__(self, users: UserGateway) -> None:
        self._users = users

    async def get(self, user_id: UserId, *, timeout: float | None = None) -> User | None:
        """The user as of now."""
        return await self._users.get(user_id, timeout=_left(timeout))

    async def apply(
        self,
        user_id: UserId,
        command: Command,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
        timeout: float | None = None,
    ) -> Applied | Rejected:
        """Apply a command in a turn of that user."""
        return await self._users.apply(
            user_id, command, once=once, only_if=only_if, timeout=_left(timeout)
        )


def _left(timeout: float | None) -> float | None:
    ends = _deadline.get()
    if ends is None:
        return timeout
    left = max(LEAST, ends - _now())
    return left if timeout is None else min(left, timeout)


def _now() -> float:
    return asyncio.get_running_loop().time()
