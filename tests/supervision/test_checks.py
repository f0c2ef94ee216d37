"""Health checks: bounded, shared, told at once, and not believed for ever."""

import anyio
import pytest

from actors import ActorSystem
from supervision import (
    Child,
    Condition,
    Health,
    HealthCheck,
    HealthChecks,
    Supervisor,
    render,
    run_tree,
)
from tests.supervision.cast import Stage

pytestmark = pytest.mark.anyio


class Database:
    """What is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.seconds = 0.0
        self.error: Exception | None = None
        self.condition: Condition | None = None

    async def ping(self) -> Condition | None:
        self.asked += 1
        await anyio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.condition


async def test_an_answer_is_good_for_a_while() -> None:
    database = Database()
    check = HealthCheck(database.ping, fresh=5)
    assert check.latest() == Condition(Health.DEGRADED, "not checked yet")
    for _ in range(3):
        assert await check.refresh() == Condition(Health.OK)
    assert database.asked == 1
    database.condition = Condition(Health.DEGRADED, "read only")
    await anyio.sleep(5)
    assert await check.refresh() == check.latest() == Condition(Health.DEGRADED, "read only")


async def test_whoever_comes_while_it_is_asked_shares_the_answer() -> None:
    database = Database()
    database.seconds = 1.0
    check = HealthCheck(database.ping)
    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(check.refresh)
    assert database.asked == 1


async def test_no_answer_in_time_and_an_error_are_down() -> None:
    database = Database()
    check = HealthCheck(database.ping, timeout=2, fresh=0)
    database.seconds = 60
    began = anyio.current_time()
    assert await check.refresh() == Condition(Health.DOWN, "no answer within 2 s")
    assert anyio.current_time() - began == pytest.approx(2, abs=0.1)
    database.seconds, database.error = 0, ConnectionError("refused")
    assert await check.refresh() == Condition(Health.DOWN, "ConnectionError: refused")


async def test_an_old_answer_is_not_believed() -> None:
    database = Database()
    check = HealthCheck(database.ping, timeout=2, fresh=5)
    await check.refresh()
    await anyio.sleep(16)
    assert check.latest() == Condition(Health.OK)
    await anyio.sleep(14)
    assert check.latest() == Condition(Health.DEGRADED, "not checked for 30 s")
    database.error = ConnectionError("refused")
    await check.refresh()
    await anyio.sleep(60)
    assert check.latest() == Condition(Health.DOWN, "not checked for 60 s")


async def test_a_check_shows_in_the_tree_and_since_when(system: ActorSystem) -> None:
    stage, database = Stage(), Database()
    check = HealthCheck(database.ping, timeout=2, fresh=5)
    spec = Supervisor(
        "top",
        (
            Child("mongo", stage.child("mongo"), health=check.latest, critical=False),
            Child("checks", lambda: HealthChecks(check)),
        ),
    )
    async with run_tree(system, spec) as tree:
        await anyio.sleep(12)
        assert tree.health() is Health.OK
        database.error = ConnectionError("refused")
        await anyio.sleep(4)
        assert tree.health() is Health.DEGRADED
        await anyio.sleep(20)
        assert render(tree.snapshot()) == (
            "top      one_for_one   DEGRADED  since 20 s: mongo\n"
            "  mongo  DOWN          since 20 s: ConnectionError: refused\n"
            "  checks OK"
        )
        assert database.asked == 8
