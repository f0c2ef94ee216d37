"""The pages for machines that watch, which need no token."""

from typing import Literal

import pytest

from tests.api.conftest import Client
from tests.api.fakes import FakeProbes
from yabot.api.probes import StorageHealth

pytestmark = pytest.mark.anyio

ROOM: dict[str, object] = {"status": "pass", "detail": "", "sizes": None, "queues": {}}


async def get(client: Client, path: str, **headers: str) -> tuple[int, dict[str, object]]:
    response = await client.session.get(path, headers=headers)
    return response.status, await response.json()


async def test_a_live_and_ready_process_says_so(client: Client) -> None:
    assert await get(client, "/livez") == (200, {"status": "pass", "detail": ""})
    assert await get(client, "/readyz") == (200, {"status": "pass", "detail": ""})


async def test_what_is_not_ready_tells_why(client: Client, probes: FakeProbes) -> None:
    probes.readiness = (False, "leftovers are being handed out")
    expected = {"status": "fail", "detail": "leftovers are being handed out"}
    assert await get(client, "/readyz") == (503, expected)


async def test_what_is_dead_is_503(client: Client, probes: FakeProbes) -> None:
    probes.alive = False
    assert (await get(client, "/livez"))[0] == 503


async def test_health_is_everything_at_once(client: Client) -> None:
    status, body = await get(client, "/health")
    assert status == 200
    assert body == {
        "status": "pass",
        "detail": "",
        "database": {"mongodb": None, "sqlite": True, "storage": ROOM},
        "redis": {"connected": True, "latency_ms": 0.4},
    }


async def test_a_redis_that_is_away_is_a_warning(client: Client, probes: FakeProbes) -> None:
    probes.bus = {"connected": False, "latency_ms": None}
    status, body = await get(client, "/health")
    assert (status, body["status"]) == (200, "warn")
    assert (await get(client, "/health/redis"))[0] == 503


async def test_without_sqlite_health_fails(client: Client, probes: FakeProbes) -> None:
    probes.databases = {"mongodb": True, "sqlite": False}
    status, body = await get(client, "/health")
    assert (status, body["status"]) == (503, "fail")
    expected = (503, {"mongodb": True, "sqlite": False, "storage": ROOM})
    assert await get(client, "/health/database") == expected


@pytest.mark.parametrize(("room", "status"), [("warn", 200), ("fail", 503)])
async def test_a_disk_that_fills_up_is_told_with_its_figure(
    room: Literal["warn", "fail"], status: int, client: Client, probes: FakeProbes
) -> None:
    probes.room = StorageHealth(status=room, detail="only 31 MB of disk free; make room")
    answer, body = await get(client, "/health")
    assert (answer, body["status"]) == (status, room)
    assert body["detail"] == "only 31 MB of disk free; make room"
    assert (await get(client, "/health/database"))[0] == 200


async def test_the_tree_is_json_or_a_drawing(client: Client) -> None:
    assert (await get(client, "/health/supervisors"))[1] == {"name": "root", "children": []}
    by_query = await client.session.get("/health/supervisors?format=text")
    by_accept = await client.session.get("/health/supervisors", headers={"Accept": "text/plain"})
    assert await by_query.text() == await by_accept.text() == "root\n└── api\n"
    assert by_query.content_type == "text/plain"


async def test_metrics_are_prometheus_text(client: Client) -> None:
    response = await client.session.get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert await response.text() == "yabot_up 1\n"
