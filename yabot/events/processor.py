"""EventProcessor: handles the events of Redis's streams for one group, in any number of processes.

    processor = EventProcessor(server, "leaderboard")
    processor.subscribe("besitos_added", handler)
    ... run processor.branch() in a tree ...

The rule: every event reaches every group at least once, those of a user one after the other and in
order, whichever process reads them; a group that is slow or broken delays nobody but itself.
"""

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial

from supervision import Child, Report, Strategy, Supervisor
from yabot.events.delivery import Delivery, Handler, Watched
from yabot.events.group_memory import GapAudit, GroupLetters, again_key
from yabot.events.holding import Holding, SignOfLife
from yabot.events.ordering import Limits
from yabot.events.reader import Delivers, GroupParts, Letters, Source, StreamReader
from yabot.events.redis import RedisServer
from yabot.events.stream_group import Lag, lags
from yabot.events.streams import PARTITIONS, stream_key

EVENTS = tuple(Source(stream_key(partition)) for partition in range(PARTITIONS))
"""The streams to which the bot's events go."""


class EventProcessor:
    """One process of a group. Subscribe before `branch` runs.

    `delivery` takes the place of handlers that subscribe. `letters` keeps events that were given
    up; without it they stay in Redis, where `yabot dead-letters` finds them. `watched` is told how
    handlers do, `report` hears of events that are gone.
    """

    def __init__(
        self,
        server: RedisServer,
        group: str,
        *,
        sources: Sequence[Source] = EVENTS,
        delivery: Delivers | None = None,
        letters: Letters | None = None,
        watched: Watched | None = None,
        report: Callable[[Report], None] | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.group = group
        self._server = server
        self._handlers: dict[str, list[Handler]] = {}
        self._sources = (*sources, Source(again_key(group), queue=True))
        consumer = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._holding = Holding(server, group, consumer, len(self._sources))
        self._parts = GroupParts(
            server=server,
            group=group,
            consumer=consumer,
            holding=self._holding,
            delivery=delivery or Delivery(group, self._handlers, watched),
            letters=letters or GroupLetters(server, group),
            gaps=GapAudit(server, group),
            report=report,
            limits=limits or Limits(),
        )

    def subscribe(self, event_name: str, handler: Handler) -> None:
        """Have `handler` called with every event of that name, or with all for `EVERY_EVENT`."""
        self._handlers.setdefault(event_name, []).append(handler)

    def branch(self) -> Supervisor:
        """The actors of this process: a sign of life, and a reader for each stream."""
        return Supervisor(
            self.group,
            strategy=Strategy.ONE_FOR_ONE,
            critical=False,
            children=(
                Child("sign_of_life", partial(SignOfLife, self._holding)),
                *(
                    Child(source.key, partial(StreamReader, source, self._parts))
                    for source in self._sources
                ),
            ),
        )

    async def lag(self) -> Lag:
        """How far behind the group is. Raises RedisAway, RedisRefused."""
        found = await lags(self._server, [source.key for source in self._sources])
        return found.get(self.group, Lag())
