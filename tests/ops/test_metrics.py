"""A scrape tells what has happened, and what is so at the moment."""

import threading
from dataclasses import dataclass

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from actors import Durations
from actors._durations import BOUNDS
from yabot.ops.metrics import Metrics
from yabot.ops.window import ShareOfLastMinute

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(clock)


async def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The value of one sample in a scrape."""
    text = (await metrics.render()).decode()
    for family in text_string_to_metric_families(text):
        for found in family.samples:
            if found.name == name and found.labels == labels:
                return found.value
    return None


async def test_every_metric_of_the_design_is_there_from_the_start(metrics: Metrics) -> None:
    text = (await metrics.render()).decode()
    for operation in ("create_user", "get_user_context", "update_user_state"):
        assert f'yabot_database_operation_seconds_count{{operation="{operation}"}} 0.0' in text
    for name in (
        "yabot_event_publish_latency_seconds_count 0.0",
        "yabot_event_processing_time_seconds_count 0.0",
        "yabot_failed_events_total 0.0",
        "yabot_api_error_rate 0.0",
        "# TYPE yabot_api_request_duration_seconds histogram",
        "# TYPE yabot_api_request_count_total counter",
    ):
        assert name in text


async def test_durations_are_counted_below_the_targets(metrics: Metrics) -> None:
    metrics.database_operation("create_user", 0.09)
    metrics.database_operation("create_user", 0.11)
    metrics.event_published(0.009)
    metrics.event_processed(0.3)
    metrics.event_failed()
    bucket = "yabot_database_operation_seconds_bucket"
    assert await sample(metrics, bucket, operation="create_user", le="0.1") == 1
    assert await sample(metrics, bucket, operation="create_user", le="0.2") == 2
    assert await sample(metrics, "yabot_event_publish_latency_seconds_bucket", le="0.01") == 1
    assert await sample(metrics, "yabot_event_processing_time_seconds_count") == 1
    assert await sample(metrics, "yabot_failed_events_total") == 1


async def test_requests_are_counted_by_route_and_status(metrics: Metrics) -> None:
    for status in (200, 200, 404, 503):
        metrics.api_request("GET", "/state", status, 0.01)
    count = "yabot_api_request_count_total"
    assert await sample(metrics, count, method="GET", route="/state", status="200") == 2
    assert await sample(metrics, count, method="GET", route="/state", status="503") == 1
    duration = "yabot_api_request_duration_seconds_count"
    assert await sample(metrics, duration, method="GET", route="/state") == 4
    assert await sample(metrics, "yabot_api_error_rate") == 0.25


async def test_snapshots_are_read_at_every_scrape_and_on_the_loop(
    metrics: Metrics, clock: Clock
) -> None:
    depths = {"events": 3.0, "replies": 0.0}
    threads: list[int] = []

    def live() -> float:
        threads.append(threading.get_ident())
        return float(len(threads))

    metrics.watch("outbox_rows", "Rows that wait", lambda: depths, label="outbox")
    metrics.watch("live_users", "Users in memory", live)
    metrics.watch("relayed", "Rows sent", lambda: 7.0, kind="counter")
    assert await sample(metrics, "yabot_outbox_rows", outbox="events") == 3
    assert await sample(metrics, "yabot_live_users") == 1
    assert await sample(metrics, "yabot_relayed_total") == 7
    depths["events"] = 4.0
    clock.now += 1
    assert await sample(metrics, "yabot_outbox_rows", outbox="events") == 4
    assert set(threads) == {threading.get_ident()}


async def test_durations_that_others_count_are_a_histogram(metrics: Metrics) -> None:
    metrics.watch_durations(
        "mailbox_wait", "Waits", lambda: Durations((3, 0, 1) + (0,) * (len(BOUNDS) - 3) + (2,), 50)
    )
    bucket = "yabot_mailbox_wait_seconds_bucket"
    assert await sample(metrics, bucket, le="0.0001") == 3
    assert await sample(metrics, bucket, le="0.0005") == 4
    assert await sample(metrics, bucket, le="10.0") == 4
    assert await sample(metrics, bucket, le="+Inf") == 6
    assert await sample(metrics, "yabot_mailbox_wait_seconds_count") == 6
    assert await sample(metrics, "yabot_mailbox_wait_seconds_sum") == 50


async def test_scrapes_within_a_second_share_one_rendering(metrics: Metrics) -> None:
    readings = 0

    def read() -> float:
        nonlocal readings
        readings += 1
        return 0.0

    metrics.watch("something", "Something", read)
    async with anyio.create_task_group() as group:
        for _ in range(10):
            group.start_soon(metrics.render)
    assert readings == 1


async def test_a_name_is_watched_once(metrics: Metrics) -> None:
    metrics.watch("depth", "Depth", lambda: 0.0)
    with pytest.raises(ValueError, match="yabot_depth is watched already"):
        metrics.watch("depth", "Depth", lambda: 0.0)


def test_a_share_forgets_what_is_older_than_a_minute(clock: Clock) -> None:
    share = ShareOfLastMinute(clock)
    share.add(counts=True)
    clock.now += 30
    share.add(counts=False)
    assert share.read() == 0.5
    clock.now += 30
    assert share.read() == 0.0
    clock.now += 1000
    share.add(counts=True)
    assert share.read() == 1.0
