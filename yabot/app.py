"""BotApplication: every part, wired in one place, and the tree that keeps them running.

The rule: nothing imports this file but the commands. `tree()` looks like what `yabot tree` prints;
children start from the top and stop from the bottom: intake, mailboxes, outboxes, the database.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from functools import partial

import anyio
import structlog
from aiogram import Router

from actors import ActorSystem, Crash
from supervision import Child, Reports, Strategy, Supervisor, Tree, run_tree
from yabot import faults
from yabot.api.deadline import DeadlineGateway
from yabot.api.server import APIServer
from yabot.config import ConfigManager
from yabot.content.loader import load_content
from yabot.domain.values import Instant
from yabot.errors import ConfigError, StoreUnavailable, lone
from yabot.events.bus import EventBus
from yabot.events.delivery import EVERY_EVENT
from yabot.ops.metrics import Metrics
from yabot.outbox import Flush
from yabot.services.all import Services
from yabot.stores.database import DatabaseManager
from yabot.stores.encryption import choose_connector
from yabot.stores.sampling import Sampler
from yabot.telegram.edge import Mode, TelegramEdge
from yabot.telegram.handlers import routers as all_routers
from yabot.telegram.notices import render
from yabot.telegram.replies import ReplySender
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.recovery import Recovery
from yabot.users.scheduler import Scheduler
from yabot.users.turn import current_turn
from yabot.wiring import copies, embedded
from yabot.wiring.api import api_address, api_gate, api_services
from yabot.wiring.listening import listening
from yabot.wiring.measured import MeasuredStore
from yabot.wiring.streaming import bridge, relays, streaming
from yabot.wiring.watching import Watch

Routers = Callable[[], Sequence[Router]]

DRAIN = 8.0
"""Seconds that mailboxes, and then outboxes, get to empty themselves at a stop."""

RECOVERY = 600.0
"""Seconds that handing out a backlog may take before the start counts as failed."""

log = structlog.get_logger(__name__)


def utc_now() -> Instant:
    """The wall clock."""
    return datetime.now(UTC)


class BotApplication:
    """The whole bot. Make it, then `serve` it once.

    `routers` builds the handlers, `subscribe` tells the bus who listens; a bot with features of its
    own passes its own functions. A start waits `takeover` seconds for another owner of the database
    to end. Raises ConfigError for an unknown fault step or broken content.
    """

    _telegram: TelegramEdge

    def __init__(
        self,
        config: ConfigManager,
        *,
        routers: Routers = all_routers,
        subscribe: Callable[[EventBus], None] = lambda _bus: None,
        takeover: float = 0.0,
    ) -> None:
        self.config = config
        self._takeover = takeover
        self._settings = config.settings
        self._routers, self._subscribe = routers, subscribe
        self._story, self._items = load_content(self._settings.content_path)
        self._reports, self._metrics = Reports(), Metrics()
        self._fatal: ConfigError | None = None
        if self._settings.yabot_fault is not None:
            faults.arm(self._settings.yabot_fault)

    async def serve(self, stop: anyio.Event, *, ready: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` is set, then stop in order; `ready` is called when updates are taken.

        Raises ConfigError for settings that turn out wrong when they are used, Escalated when the
        tree gives up.
        """
        try:
            async with AsyncExitStack() as stack:
                await self._serve(stack, stop, ready)
        except BaseExceptionGroup as group:
            raise lone(group) from None
        if self._fatal is not None:
            raise self._fatal

    async def _serve(
        self, stack: AsyncExitStack, stop: anyio.Event, ready: Callable[[], None]
    ) -> None:
        stack.push_async_callback(self._setup_database().close)
        await self._database.connect_all(wait=self._takeover)
        await self._database.install(self._story, self._items)
        system = await stack.enter_async_context(ActorSystem("yabot", watchdog=1.0))
        system.on_crash(lambda crash: self._stop_if_fatal(crash, stop))
        link = streaming(self.config, self._database, utc_now, self._metrics, self._reports)
        self._streaming = await stack.enter_async_context(link)
        self._setup_event_bus()
        self._setup_users(system)
        stack.push_async_callback(self._telegram.close)
        self._setup_api_server()
        mode = await self._telegram.introduce()
        stack.push_async_callback(self._tell_what_is_left)
        tree = run_tree(system, self.tree(mode), reports=self._reports)
        self._watch.tree = await stack.enter_async_context(tree)
        if self._fatal is None:
            self._watch.ready = True
            ready()
        await _until(stop, self._watch.tree)
        self._watch.ready = False

    def tree(self, mode: Mode) -> Supervisor:
        """What runs, in the order of starting."""
        return Supervisor(
            "yabot",
            strategy=Strategy.ONE_FOR_ONE,
            intensity=10,
            children=(
                Supervisor(
                    "stores",
                    strategy=Strategy.REST_FOR_ONE,
                    children=(
                        *embedded.branch(self._database),
                        *copies.branch(self._database, self._story),
                        Child("pruner", self._database.pruner, critical=False),
                        Child(
                            "capacity",
                            partial(Sampler, self._sampling),
                            critical=False,
                            detail=self._watch.capacity,
                            health=self._watch.condition,
                        ),
                    ),
                ),
                Supervisor(
                    "events",
                    strategy=Strategy.ONE_FOR_ONE,
                    critical=False,
                    children=(
                        *bridge(self._streaming),
                        *(Child(name, partial(self._bus.relay, name)) for name in self._bus.groups),
                    ),
                ),
                Supervisor(
                    "replies",
                    strategy=Strategy.ONE_FOR_ONE,
                    children=(
                        Child("sender", self._reply_sender, detail=self._watch.replies),
                        Child(
                            "flush", lambda: Flush(self._database.replies.waiting), shutdown=DRAIN
                        ),
                    ),
                ),
                Child("users", self._directory.actors, shutdown=DRAIN),
                Child("recovery", self._recovery, start_timeout=RECOVERY),
                Child("scheduler", self._scheduler),
                Child("api", self._api_server),
                *listening(self._streaming, self._api_services.external, self._metrics),
                Child(
                    "updates",
                    self._telegram.intake(mode, self._ingress),
                    detail=self._watch.updates,
                ),
            ),
        )

    def _setup_database(self) -> DatabaseManager:
        config = self.config.get_database_config()
        key = config.sqlite_key
        self._database = DatabaseManager(
            config.sqlite_path,
            clock=utc_now,
            event_retention=config.event_retention,
            connector=choose_connector(None if key is None else key.get_secret_value()),
            mongo=copies.connection(config, utc_now, self._reports.add),
            report=self._reports.add,
        )
        return self._database

    def _setup_users(self, system: ActorSystem) -> None:
        """The actors of users, the handlers that run in their turns, and what watches both."""
        parts = UserParts(
            store=MeasuredStore(self._database.users, self._metrics.database_operation),
            handle=lambda turn, update: self._telegram.handle(turn, update),
            send_now=lambda method, params: self._telegram.send_now(method, params),
            render=render,
            clock=utc_now,
            turn_timeout=self._settings.turn_timeout,
            default_language=self._settings.default_language,
        )
        self._directory = UserDirectory(system, parts, self._database.inbox)
        services = Services.over(
            self._directory, self._story, self._database.exports, self._database.names
        )
        self._telegram = TelegramEdge(
            self._settings, services, self._routers(), self._reports, {"bus": self._bus}
        )
        self._ingress = self._telegram.ingress(self._database.inbox, self._directory.deliver)
        self._sampling = self._database.sampling(lambda: relays(self._bus, self._streaming))
        self._watch: Watch = Watch(
            system,
            self._database,
            self._directory,
            self._telegram.sending,
            self._ingress,
            self._metrics,
            self._sampling,
            self._reports,
            self._streaming,
        )
        self._bus.subscribe(EVERY_EVENT, self._watch.count_event, group="metrics")

    def _setup_event_bus(self) -> None:
        """The bus over the events outbox, and who listens to it in this process."""
        told, ping = self._reports.add, self._streaming.ping if self._streaming else None
        self._bus = EventBus(
            self._database.events, current_turn.get, watched=self._metrics, report=told, ping=ping
        )
        self._subscribe(self._bus)

    def _setup_api_server(self) -> None:
        """What the internal API is built over."""
        config = self.config.get_api_config()
        users = DeadlineGateway(self._directory)
        services = Services.over(users, self._story, self._database.exports, self._database.names)
        self._api_address = api_address(config)
        self._gate = api_gate(config, self._database, utc_now, self._metrics, self._reports)
        self._api_services = api_services(
            services, self._database, self._directory, self._watch.probes()
        )

    def _reply_sender(self) -> ReplySender:
        return self._telegram.sender(self._database.replies, utc_now)

    def _recovery(self) -> Recovery:
        timeout = self._settings.turn_timeout
        return Recovery(self._database.inbox, self._directory, turn_timeout=timeout)

    def _scheduler(self) -> Scheduler:
        return Scheduler(self._database.commands, self._directory.deliver_due, utc_now)

    def _api_server(self) -> APIServer:
        return APIServer(
            self._api_address,
            self._api_services,
            self._gate,
            clock=utc_now,
            observe=self._metrics.api_request,
            default_language=self._settings.default_language,
        )

    async def _tell_what_is_left(self) -> None:
        """Count what the stop leaves for the next start; all of it is durable."""
        with suppress(StoreUnavailable):
            replies = await self._database.replies.waiting()
            updates = self._database.inbox.backlog()
            log.info("process.stopped", updates_left=updates, replies_left=replies)

    def _stop_if_fatal(self, crash: Crash, stop: anyio.Event) -> None:
        """Wrong settings don't mend by restarting: stop, and tell them."""
        if isinstance(crash.error, ConfigError):
            self._fatal = crash.error
            stop.set()


async def _until(stop: anyio.Event, tree: Tree) -> None:
    """Return when `stop` is set. Raises Escalated when the tree gives up before."""
    async with anyio.create_task_group() as group:
        group.start_soon(tree.escalated)
        await stop.wait()
        group.cancel_scope.cancel()
