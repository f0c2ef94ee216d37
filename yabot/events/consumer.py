"""EventConsumer: what another process needs to hear of the bot's events.

    consumer = EventConsumer("redis://localhost", group="leaderboard")

    @consumer.on("besitos_added")
    async def count(event: BaseEvent) -> None: ...

    consumer.run()

The rule: a handler may be called twice with one event (a death in the wrong moment), so what must
happen once remembers `event_id`.
"""

import signal
from collections.abc import Callable

import anyio
from pydantic import SecretStr

from actors import ActorSystem
from supervision import Reports, Strategy, Supervisor, run_tree
from yabot.events.delivery import EVERY_EVENT, Handler, Watched, checked_group
from yabot.events.processor import EventProcessor
from yabot.events.redis import connect
from yabot.events.stream_group import Lag


class EventConsumer:
    """Subscribes and runs. Any number of processes of one group share the work.

    A new group begins with the oldest event that is kept. `password` is for an address without one.
    Raises ConfigError for what can't be an address, ValueError for what can't name a group.
    """

    def __init__(
        self,
        url: str,
        group: str,
        *,
        password: str | None = None,
        watched: Watched | None = None,
    ) -> None:
        secret = SecretStr(password) if password is not None else None
        self._reports = Reports()
        self._server = connect(SecretStr(url), secret, report=self._reports.add)
        self._processor = EventProcessor(
            self._server, checked_group(group), watched=watched, report=self._reports.add
        )

    def on(self, event_name: str = EVERY_EVENT) -> Callable[[Handler], Handler]:
        """Decorates a handler of events of that name; without a name, of all."""

        def subscribe(handler: Handler) -> Handler:
            self._processor.subscribe(event_name, handler)
            return handler

        return subscribe

    async def lag(self) -> Lag:
        """How far behind the group is. Raises RedisAway, RedisRefused."""
        return await self._processor.lag()

    async def serve(self, stop: anyio.Event) -> None:
        """Handle events until `stop` is set; what is in hand then is finished.

        Redis may come and go meanwhile. Raises Escalated when handling itself is broken.
        """
        root = Supervisor("consumer", (self._processor.branch(),), Strategy.ONE_FOR_ONE)
        try:
            async with (
                ActorSystem("consumer") as system,
                run_tree(system, root, reports=self._reports),
            ):
                await stop.wait()
        finally:
            await self._server.close()

    def run(self) -> None:
        """Handle events until SIGTERM or Ctrl-C."""
        anyio.run(self._until_signalled)

    async def _until_signalled(self) -> None:
        stop = anyio.Event()
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with anyio.create_task_group() as group:
                group.start_soon(self.serve, stop)
                async for _ in signals:
                    stop.set()
                    break
