"""Delivery: brings one event to the handlers of one group, wherever the event came from.

The rule: it always ends. A handler that raises or hangs is tried again a few times and then given
up with its last error; what becomes of the event then is the caller's to say.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Protocol, TypeAlias

import anyio
import structlog

from actors import origin
from supervision import backoff
from yabot.eager import Begun
from yabot.errors import exited
from yabot.events.base import BaseEvent
from yabot.events.envelope import CloudEvent
from yabot.events.errors import EventError
from yabot.events.ports import QueuedEvent
from yabot.users.ports import DeadLetter

Handler: TypeAlias = Callable[[BaseEvent], Awaitable[None]]

EVERY_EVENT = "*"
"""Subscribes to events of all names."""

GROUP = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
"""What a group may be called."""

RESERVED = frozenset({"external", "redis"})
"""Names of the bot's own: under them it hears other services, and feeds the bridge to Redis."""

ATTEMPTS = 4
"""How often one event is tried with one handler."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0
"""Seconds between two attempts, growing from the first to the longest."""

HANDLING = 10.0
"""Seconds that handling one event may wait; longer is a failure."""

KIND = "event"
"""The kind of dead letters that are events."""

log = structlog.get_logger(__name__)


class Watched(Protocol):
    """Who is told how handling goes; the metrics are."""

    def event_processed(self, seconds: float) -> None:
        """A handler has returned."""
        ...

    def event_failed(self) -> None:
        """An event was given up."""
        ...


def checked_group(name: str) -> str:
    """The name, if subscribers may have it. Raises ValueError."""
    if GROUP.fullmatch(name) is None:
        raise ValueError(f"{name!r} can't name a group: use up to 64 of a-z, 0-9, '_.-'")
    if name in RESERVED:
        raise ValueError(f"a group can't be called {name}: the bot uses that name itself")
    return name


class Delivery:
    """The handlers of one group, by the names of their events."""

    def __init__(
        self, group: str, handlers: Mapping[str, Sequence[Handler]], watched: Watched | None = None
    ) -> None:
        self.group = group
        self._handlers = handlers
        self._watched = watched

    def wants(self, name: str) -> bool:
        """Whether any handler takes events of that name."""
        return name in self._handlers or EVERY_EVENT in self._handlers

    async def deliver(self, source: CloudEvent | QueuedEvent) -> Exception | None:
        """Have every handler take an event; the error when one gave up, or when it can't be read.

        A handler that has taken it is not called again for another one's sake. Whatever a handler
        sets off belongs to the event's chain.
        """
        if not self.wants(source.name):
            return None
        try:
            event = BaseEvent.of(source)
        except EventError as unreadable:
            return self._given_up(unreadable)
        failure: Exception | None = None
        with origin(
            correlation_id=event.correlation_id or None, traceparent=event.traceparent or None
        ):
            for name in (event.event_type, EVERY_EVENT):
                for handler in self._handlers.get(name, ()):
                    failure = await tried(partial(handler, event), self._watched) or failure
        return None if failure is None else self._given_up(failure)

    def dead_letter(self, source: CloudEvent | QueuedEvent, error: Exception) -> DeadLetter:
        """What is kept of an event that was given up."""
        event = source if isinstance(source, CloudEvent) else CloudEvent.of(source)
        return letter_of(self.group, event, error)

    def _given_up(self, error: Exception) -> Exception:
        if self._watched is not None:
            self._watched.event_failed()
        return error


async def tried(
    call: Callable[[], Awaitable[None]],
    watched: Watched | None = None,
    *,
    final: tuple[type[Exception], ...] = (),
) -> Exception | None:
    """Call until it returns; its last error when it never does, or the first that is `final`."""
    attempt = 0
    while True:
        attempt += 1
        failure = await _called(call, watched)
        if failure is None or attempt == ATTEMPTS or isinstance(failure, final):
            return failure
        pause = backoff(attempt, base=FIRST_PAUSE, cap=LONGEST_PAUSE, rng=random.random)
        await anyio.sleep(pause)


def letter_of(group: str, event: CloudEvent, error: Exception) -> DeadLetter:
    """What is kept of an event that a group has given up: its envelope and the error."""
    told = f"{group}: {type(error).__name__}: {error}"
    log.error("event.set_aside", group=group, event_id=event.id, error=told)
    return DeadLetter(KIND, f"{group}:{event.id}", event.user_id, told, event.to_json())


async def _called(call: Callable[[], Awaitable[None]], watched: Watched | None) -> Exception | None:
    began = perf_counter()
    try:
        handling = Begun(call())
        if handling.waits:
            async with asyncio.timeout(HANDLING):
                await handling
    except Exception as error:
        return error
    except asyncio.CancelledError as stray:
        if _is_cancelled():
            raise
        return RuntimeError(f"the handler cancelled itself: {stray!r}")
    except BaseException as error:
        if (leaving := exited(error)) is None:
            raise
        return leaving
    if watched is not None:
        watched.event_processed(perf_counter() - began)
    return None


def _is_cancelled() -> bool:
    """Whether somebody wants this task to end; else a handler has raised a cancellation."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
