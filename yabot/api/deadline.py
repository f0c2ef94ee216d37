"""One deadline per request, however many questions to users answering it takes.

The rule: routes and services say nothing of time; a question to a user gets what is left of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio

from yabot.domain.commands import Command
from yabot.domain.decision import Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.services.gateway import Applied, Once, UserGateway

GRACE = 0.5
"""Seconds that the request waits longer than its last question, whose own timeout says more."""

LEAST = 0.001
"""Seconds that a question gets when the request's time is already over."""

_deadline: ContextVar[float | None] = ContextVar("yabot.api.deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Everything inside this block has that long. Raises TimeoutError when it is over."""
    token = _deadline.set(anyio.current_time() + seconds)
    try:
        with anyio.fail_after(seconds + GRACE):
            yield
    finally:
        _deadline.reset(token)


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
        timeout: float | None = None,
    ) -> Applied | Rejected:
        """Apply a command in a turn of that user."""
        return await self._users.apply(user_id, command, once=once, timeout=_left(timeout))


def _left(timeout: float | None) -> float | None:
    ends = _deadline.get()
    if ends is None:
        return timeout
    left = max(LEAST, ends - anyio.current_time())
    return left if timeout is None else min(left, timeout)
