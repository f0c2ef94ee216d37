"""Watch: what operators and machines see of the running bot.

The rule: it only reads, and reading is cheap enough to be done at every scrape.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from actors import ActorSystem
from supervision import Condition, Health, Node, Reports, Tree, render
from yabot.api.probes import Probes, Status, StorageHealth, WaitingHealth
from yabot.events.base import BaseEvent
from yabot.ops.health import HealthCheckManager
from yabot.ops.metrics import Metrics
from yabot.stores.database import DatabaseManager
from yabot.stores.sampling import Sampling
from yabot.telegram.ingress import Ingress
from yabot.telegram.replies import SendingMeter
from yabot.users.directory import UserDirectory
from yabot.wiring.streaming import Streaming

STATUS: Mapping[Health, Status] = {
    Health.OK: "pass",
    Health.DEGRADED: "warn",
    Health.DOWN: "fail",
}


class Watch:
    """Eyes on the parts. `tree` and `ready` are set by whoever runs the bot."""

    def __init__(
        self,
        system: ActorSystem,
        database: DatabaseManager,
        directory: UserDirectory,
        sending: SendingMeter,
        ingress: Ingress,
        metrics: Metrics,
        sampling: Sampling,
        reports: Reports,
        streaming: Streaming | None,
    ) -> None:
        self.tree: Tree | None = None
        self.ready = False
        self._system = system
        self._database = database
        self._directory = directory
        self._sending = sending
        self._ingress = ingress
        self._metrics = metrics
        self._sampling = sampling
        self._reports = reports
        mongodb = database.mongo.ping if database.mongo is not None else None
        redis = streaming.ping if streaming is not None else None
        self._health = HealthCheckManager(sqlite=database.ping, mongodb=mongodb, redis=redis)
        self._streaming = streaming
        self._events: Counter[str] = Counter()
        self._watch_metrics()

    def probes(self) -> Probes:
        """The pages of the API that need no token."""
        return Probes(
            live=lambda: self.tree is not None and self.tree.health() is not Health.DOWN,
            ready=self._is_ready,
            tree=self._snapshot,
            draw=lambda: render(self._snapshot()),
            database=self._health.check_database_health,
            redis=self._health.check_redis_health,
            storage=self._storage,
            metrics=self._metrics.render,
        )

    async def count_event(self, event: BaseEvent) -> None:
        """Count an event by its name, as a subscriber of the bus.

        Where events go to Redis, their way from the commit ends there and not here.
        """
        self._events[event.event_type] += 1
        if self._streaming is None:
            self._metrics.event_published((datetime.now(UTC) - event.timestamp).total_seconds())

    def capacity(self) -> str:
        """The line of what room is left in the tree."""
        return self._sampling.seen.line()

    def condition(self) -> Condition:
        """Whether there is room, and nothing waits for too long."""
        return self._sampling.seen.condition()

    def replies(self) -> str:
        """The reply sender's line in the tree."""
        seen = self._sending.statistics()
        return f"{seen.sent} sent, {seen.in_hand} in hand, {seen.refused} refused"

    def updates(self) -> str:
        """The intake's line in the tree."""
        return f"inbox {self._database.inbox.backlog()}"

    def _is_ready(self) -> tuple[bool, str]:
        if not self.ready:
            return False, "starting or stopping"
        if self.tree is None or self.tree.health() is Health.DOWN:
            return False, "a part that is needed is down; see /health/supervisors"
        return True, ""

    def _snapshot(self) -> Node:
        if self.tree is None:
            raise RuntimeError("the tree is shown by its own child, so it runs")
        return self.tree.snapshot()

    def _watch_metrics(self) -> None:
        watch = self._metrics.watch
        watch("inbox_waiting", "Updates not processed yet", self._database.inbox.backlog)
        watch("updates", "At the door", self._update_counts, label="what", kind="counter")
        watch("users", "User actors", self._users, label="state")
        watch("mailbox_oldest_wait_seconds", "Of all mailboxes", self._oldest_wait)
        watch("writer", "The single writer", self._writer_counts, label="what")
        watch("replies", "Calls to Telegram", self._reply_counts, label="what")
        watch("events", "Events by name", lambda: self._events, label="event", kind="counter")
        if self._database.mongo is not None:
            watch("documents", "Copies of documents", self._document_counts, label="what")
            watch("documents_lag_seconds", "Of MongoDB", self._database.documents.lag)
        if self._streaming is not None:
            watch("redis_bridge", "Events to Redis", self._streaming.counts, label="what")
            watch("redis_bridge_oldest_wait_seconds", "Of events", self._streaming.age)
        watch("storage_bytes", "Room and sizes", self._storage_bytes, label="what")
        watch("queue_waiting", "What waits, about", self._queue_lengths, label="queue")
        watch("queue_oldest_wait_seconds", "Of each queue", self._queue_ages, label="queue")
        watch("dead_letters", "What waits for a person", self._dead_letters, label="kind")
        watch("actors", "The actor system", self._system_counts, label="what")
        watch("reports", "Of supervision", self._report_counts, label="context", kind="counter")
        durations = self._metrics.watch_durations
        system = self._system
        durations("mailbox_wait", "Of messages, sampled", lambda: system.snapshot().waits)
        durations("message_handling", "Of messages, sampled", lambda: system.snapshot().handlings)
        writer = self._database.writer
        durations("commit", "Of transactions of the writer", lambda: writer.statistics().durations)

    def _storage(self) -> StorageHealth:
        seen = self._sampling.seen
        condition = seen.condition()
        sizes = asdict(seen.room) if seen.room is not None else None
        waiting = {name: WaitingHealth(**asdict(queue)) for name, queue in seen.queues.items()}
        return StorageHealth(
            status=STATUS[condition.health],
            detail=condition.reason,
            sizes=sizes,
            queues=waiting,
        )

    def _report_counts(self) -> Mapping[str, int]:
        return {context.value: count for context, count in self._reports.counts().items()}

    def _storage_bytes(self) -> Mapping[str, float]:
        room = self._sampling.seen.room
        return asdict(room) if room is not None else {}

    def _queue_lengths(self) -> Mapping[str, float]:
        return {name: queue.waiting for name, queue in self._sampling.seen.queues.items()}

    def _queue_ages(self) -> Mapping[str, float]:
        return {name: queue.age for name, queue in self._sampling.seen.queues.items()}

    def _dead_letters(self) -> Mapping[str, float]:
        return self._sampling.seen.dead_letters

    def _update_counts(self) -> Mapping[str, int]:
        return asdict(self._ingress.statistics())

    def _users(self) -> Mapping[str, float]:
        seen = self._directory.actors.statistics()
        return {"live": seen.live, "full": seen.full}

    def _oldest_wait(self) -> float:
        return self._directory.actors.statistics().oldest_wait

    def _writer_counts(self) -> Mapping[str, float]:
        seen = self._database.writer.statistics()
        return {
            "waiting": seen.queued,
            "items": seen.items,
            "batches": seen.batches,
            "failed_batches": seen.failed_batches,
        }

    def _reply_counts(self) -> Mapping[str, float]:
        seen = self._sending.statistics()
        return {
            "in_hand": seen.in_hand,
            "sent": seen.sent,
            "refused": seen.refused,
            "retried": seen.retried,
        }

    def _document_counts(self) -> Mapping[str, float]:
        copying = self._database.copying
        return {
            "waiting": self._database.documents.waiting(),
            "brought": copying.brought,
            "refused": copying.refused,
            "resyncs": copying.resyncs,
        }

    def _system_counts(self) -> Mapping[str, float]:
        seen = self._system.snapshot()
        return {
            "handled": seen.handled,
            "waiting": seen.waiting,
            "crashes": seen.crashes,
            "restarts": seen.restarts,
            "dead_letters": sum(seen.dead_letters.values()),
        }
