"""Metrics: what is counted as it happens, and what is read when somebody looks.

The rule: no label ever holds anything that grows with users. Counting is a few hundred nanoseconds;
snapshots are read on the event loop, where what they read lives, and the text is made on a thread.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import anyio
from anyio import to_thread
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from yabot.ops.window import ShareOfLastMinute

Operation = Literal["create_user", "get_user_context", "update_user_state"]
OPERATIONS: tuple[Operation, ...] = ("create_user", "get_user_context", "update_user_state")

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0)
"""Seconds; the targets (10, 100 and 200 ms) are bounds, so that a scrape tells them exactly."""

FRESH = 1.0
"""Seconds for which a scrape is good for the next one too."""

Reading = float | Mapping[str, float]


class Distribution(Protocol):
    """Durations that somebody else counts."""

    @property
    def cumulative(self) -> Mapping[float, int]:
        """How many there were up to each bound, in seconds."""

    @property
    def count(self) -> int:
        """How many there were."""

    @property
    def seconds(self) -> float:
        """Their sum."""


class Metrics:
    """Every metric of this process, in a registry of its own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._snapshots = _Snapshots()
        self._registry.register(self._snapshots)
        operations = self._histogram("database_operation", "Durations of operations", ["operation"])
        self._operations = {name: operations.labels(name) for name in OPERATIONS}
        self._published = self._histogram("event_publish_latency", "From commit to the bus")
        self._processed = self._histogram("event_processing_time", "Durations of event handlers")
        self._failed = Counter(
            "yabot_failed_events", "Events whose handler gave up", registry=self._registry
        )
        self._durations = self._histogram("api_request_duration", "Requests", ["method", "route"])
        self._requests = Counter(
            "yabot_api_request_count",
            "Requests by status",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._duration_of: dict[tuple[str, str], Histogram] = {}
        self._count_of: dict[tuple[str, str, int], Counter] = {}
        self._errors = ShareOfLastMinute(clock)
        self.watch("api_error_rate", "Share of 5xx answers in the last minute", self._errors.read)
        self._lock = anyio.Lock()
        self._text = b""
        self._made = float("-inf")

    def database_operation(self, operation: Operation, seconds: float) -> None:
        """An operation on a user has ended."""
        self._operations[operation].observe(seconds)

    def event_published(self, seconds: float) -> None:
        """An event is on the bus, so long after its commit."""
        self._published.observe(seconds)

    def event_processed(self, seconds: float) -> None:
        """A handler has taken an event."""
        self._processed.observe(seconds)

    def event_failed(self) -> None:
        """An event went to the dead letters."""
        self._failed.inc()

    def api_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """The API has answered; `route` is the declared path."""
        duration = self._duration_of.get((method, route))
        if duration is None:
            duration = self._durations.labels(method, route)
            self._duration_of[method, route] = duration
        duration.observe(seconds)
        count = self._count_of.get((method, route, status))
        if count is None:
            count = self._requests.labels(method, route, str(status))
            self._count_of[method, route, status] = count
        count.inc()
        self._errors.add(counts=status >= 500)

    def watch(
        self,
        name: str,
        description: str,
        read: Callable[[], Reading],
        *,
        label: str = "name",
        kind: Literal["gauge", "counter"] = "gauge",
    ) -> None:
        """Show what `read` gives at every scrape: a number, or numbers by the value of `label`.

        `read` runs on the event loop and must be quick. Raises ValueError for a name in use.
        """
        self._snapshots.add(Source(f"yabot_{name}", description, read, label, kind))

    def watch_durations(
        self, name: str, description: str, read: Callable[[], Distribution]
    ) -> None:
        """Show durations as a histogram; otherwise as `watch` does."""
        self._snapshots.add(DurationsSource(f"yabot_{name}_seconds", description, read))

    async def render(self) -> bytes:
        """Prometheus's text format; at most one rendering per second, however many ask."""
        async with self._lock:
            if self._clock() - self._made >= FRESH:
                self._snapshots.read()
                self._text = await to_thread.run_sync(generate_latest, self._registry)
                self._made = self._clock()
            return self._text

    def _histogram(self, name: str, description: str, labels: Iterable[str] = ()) -> Histogram:
        return Histogram(
            f"yabot_{name}_seconds",
            f"{description}, in seconds",
            tuple(labels),
            buckets=BUCKETS,
            registry=self._registry,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """A snapshot to show, under a name."""

    name: str
    description: str
    read: Callable[[], Reading]
    label: str
    kind: Literal["gauge", "counter"]

    def family(self) -> Metric:
        """What the snapshot holds now."""
        reading = self.read()
        labelled = isinstance(reading, Mapping)
        make = GaugeMetricFamily if self.kind == "gauge" else CounterMetricFamily
        family = make(self.name, self.description, labels=[self.label] if labelled else [])
        for key, value in reading.items() if isinstance(reading, Mapping) else [(None, reading)]:
            family.add_metric([] if key is None else [key], value)
        return family


@dataclass(frozen=True, slots=True)
class DurationsSource:
    """Durations to show, under a name."""

    name: str
    description: str
    read: Callable[[], Distribution]

    def family(self) -> Metric:
        """What was counted until now."""
        seen = self.read()
        buckets = [(str(bound), float(count)) for bound, count in seen.cumulative.items()]
        buckets.append(("+Inf", float(seen.count)))
        return HistogramMetricFamily(
            self.name, self.description, buckets=buckets, sum_value=seen.seconds
        )


class _Snapshots(Collector):
    """Read on the loop by `read`, collected on a thread."""

    def __init__(self) -> None:
        self._sources: dict[str, Source | DurationsSource] = {}
        self._families: list[Metric] = []

    def add(self, source: Source | DurationsSource) -> None:
        if source.name in self._sources:
            raise ValueError(f"{source.name} is watched already; choose another name")
        self._sources[source.name] = source

    def read(self) -> None:
        self._families = [source.family() for source in self._sources.values()]

    def collect(self) -> Iterable[Metric]:
        return self._families
