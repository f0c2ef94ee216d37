"""EventBus: where the rest of the system publishes and subscribes.

Subscribing happens while the application is wired, before anything runs: each group of subscribers
becomes one relay of the tree, with a name by which its position is remembered.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import orjson

from yabot.events.base import BaseEvent
from yabot.events.ports import EventOutbox
from yabot.events.relay import EventRelay

Handler: TypeAlias = Callable[[BaseEvent], Awaitable[None]]

EVERY_EVENT = "*"
"""Subscribes to events of all names."""


@dataclass(frozen=True, slots=True)
class BusHealth:
    """`connected` is None without a server. `waiting` counts events yet to be taken, by group."""

    connected: bool | None
    waiting: Mapping[str, int] = field(default_factory=dict)


class EventBus:
    """Publishes through the outbox and hands events to subscribers of this process."""

    def __init__(self, outbox: EventOutbox) -> None:
        self._outbox = outbox
        self._groups: dict[str, dict[str, list[Handler]]] = {}

    async def publish(
        self, event_name: str, payload: Mapping[str, object], *, correlation_id: str = ""
    ) -> str:
        """Make an event durable, as a commit of its own on the stream `system`; returns its id.

        Raises StoreUnavailable, and TypeError for a payload that is not JSON.
        """
        body = orjson.dumps(payload)
        return await self._outbox.publish(event_name, body, correlation_id=correlation_id)

    def subscribe(self, event_name: str, handler: Handler, *, group: str) -> None:
        """Have `handler` called with every event of that name, or with all for `EVERY_EVENT`.

        Handlers of one group get each event one after the other; a new group begins with the oldest
        event that is kept.
        """
        self._groups.setdefault(group, {}).setdefault(event_name, []).append(handler)

    @property
    def groups(self) -> Sequence[str]:
        """The groups that have subscribed, in order."""
        return list(self._groups)

    def relay(self, group: str) -> EventRelay:
        """The actor that serves a group; the factory of its child in the tree."""
        handlers = self._groups[group]

        async def deliver(event: BaseEvent) -> None:
            for name in (event.event_type, EVERY_EVENT):
                for handler in handlers.get(name, ()):
                    await handler(event)

        return EventRelay(group, self._outbox.feed(group), deliver)

    async def health_check(self) -> BusHealth:
        """How far behind the groups are. Raises StoreUnavailable."""
        waiting = {group: await self._outbox.feed(group).lag() for group in self._groups}
        return BusHealth(connected=None, waiting=waiting)
