"""EventBus: where the rest of the system publishes and subscribes.

Subscribing happens while the application is wired, before anything runs: each group of subscribers
becomes one relay of the tree, with a name by which its position is remembered.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio
import orjson
import structlog

from actors import current_envelope
from supervision import Report, backoff
from yabot.domain.events import Announcement, Fact
from yabot.errors import StoreUnavailable, YabotError
from yabot.events.delivery import Delivery, Handler, Watched, checked_group
from yabot.events.errors import InvalidEvent
from yabot.events.ports import EventOutbox, OpenTurn
from yabot.events.relay import EventRelay
from yabot.events.schemas import SCHEMAS

NAME = re.compile(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
"""What an event may be called."""

LARGEST = 64 * 1024
"""Bytes of JSON that the data of one event may have."""

ATTEMPTS = 4
"""How often publishing outside of a turn is tried while the store is away."""

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.5
"""Seconds between two attempts, growing from the first to the longest."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BusHealth:
    """`connected` is None without a server. `waiting` counts events yet to be taken, by group."""

    connected: bool | None
    waiting: Mapping[str, int] = field(default_factory=dict)


class EventBus:
    """Publishes through the outbox and hands events to subscribers of this process.

    `turn` gives the turn that the caller is in, if any; `watched` is told how handlers do, `report`
    hears of events that are gone. `ping` asks the server that brings them to other processes.
    """

    def __init__(
        self,
        outbox: EventOutbox,
        turn: Callable[[], OpenTurn | None] = lambda: None,
        *,
        watched: Watched | None = None,
        report: Callable[[Report], None] | None = None,
        ping: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._outbox = outbox
        self._ping = ping
        self._turn = turn
        self._watched = watched
        self._report = report
        self._quarantine = asyncio.Lock()
        self._groups: dict[str, dict[str, list[Handler]]] = {}

    async def publish(
        self, event_name: str, payload: Mapping[str, object], *, correlation_id: str = ""
    ) -> str | None:
        """Make an event durable; its id, or None in a turn, whose commit gives it one.

        In a turn the event joins the turn's commit on the user's stream, so there is nothing that
        could fail: it exists exactly when the turn's changes do. Elsewhere it is a commit of its
        own on the stream `system`, tried `ATTEMPTS` times.

        Raises InvalidEvent for a payload that its name forbids, TypeError for one that is no JSON,
        TurnFull when the turn leaves too many already, and, outside of a turn only,
        StoreUnavailable.
        """
        fact = _fact(event_name, payload)
        turn = self._turn()
        if turn is None or turn.closed:
            return await self._commit(fact, correlation_id)
        turn.emit(fact)
        return None

    def subscribe(self, event_name: str, handler: Handler, *, group: str) -> None:
        """Have `handler` called with every event of that name, or with all for `EVERY_EVENT`.

        Handlers of one group get each event one after the other; a new group begins with the oldest
        event that is kept. Raises ValueError for what can't name a group.
        """
        self._groups.setdefault(checked_group(group), {}).setdefault(event_name, []).append(handler)

    @property
    def groups(self) -> Sequence[str]:
        """The groups that have subscribed, in order."""
        return list(self._groups)

    def relay(self, group: str) -> EventRelay:
        """The actor that serves a group; the factory of its child in the tree."""
        delivery = Delivery(group, self._groups[group], self._watched)
        return EventRelay(self._outbox.feed(group), delivery, self._quarantine, self._report)

    async def health_check(self) -> BusHealth:
        """Whether the server answers, how far behind the groups are. Raises StoreUnavailable."""
        waiting = {group: await self._outbox.feed(group).lag() for group in self._groups}
        return BusHealth(await self._is_connected(), waiting)

    async def _is_connected(self) -> bool | None:
        if self._ping is None:
            return None
        try:
            await self._ping()
        except YabotError:
            return False
        return True

    async def _commit(self, fact: Fact, correlation_id: str) -> str:
        """A commit of its own, in the chain of whatever this task is handling."""
        envelope = current_envelope()
        traceparent = ""
        if envelope is not None:
            correlation_id = correlation_id or envelope.correlation_id
            traceparent = envelope.traceparent or ""
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._outbox.publish(
                    fact.name,
                    fact.to_json(),
                    version=fact.version,
                    correlation_id=correlation_id,
                    traceparent=traceparent,
                )
            except StoreUnavailable as error:
                if attempt == ATTEMPTS:
                    raise
                log.warning("event.published_again", name=fact.name, error=str(error))
            pause = backoff(attempt, base=FIRST_PAUSE, cap=LONGEST_PAUSE, rng=random.random)
            await anyio.sleep(pause)


def _fact(name: str, payload: Mapping[str, object]) -> Fact:
    """What is to be published, checked as far as its name allows."""
    if NAME.fullmatch(name) is None:
        raise InvalidEvent(
            f"{name!r} can't name an event: use up to 64 of a-z, 0-9, '_' and '.', a letter first"
        )
    body = orjson.dumps(dict(payload))
    if len(body) > LARGEST:
        raise InvalidEvent(
            f"{name}: {len(body)} bytes of data, and an event holds at most {LARGEST}; "
            "publish where it can be read instead"
        )
    return SCHEMAS.check(name, payload) or Announcement(name, body)
