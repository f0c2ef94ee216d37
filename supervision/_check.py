"""HealthCheck: whether something outside answers, asked in the background, told at once.

Rule: a check is bounded in time and asked by one at a time, and who wants to know reads the last
answer; one that is too old is no longer believed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf

import anyio

from actors import Actor
from supervision._health import WELL, Condition, Health, worst


class HealthCheck:
    """Asks with `ask`, which tells a Condition, or None for a good one; what it raises, and no
    answer within `timeout` seconds, is DOWN. An answer is good for `fresh` seconds."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Condition | None]],
        *,
        timeout: float = 2.0,
        fresh: float = 5.0,
    ) -> None:
        self.timeout = timeout
        self.fresh = fresh
        self._ask = ask
        self._lock = anyio.Lock()
        self._answer = Condition(Health.DEGRADED, "not checked yet")
        self._asked = -inf

    async def refresh(self) -> Condition:
        """Ask, unless the last answer is fresh; those who come meanwhile share the answer."""
        async with self._lock:
            if anyio.current_time() - self._asked < self.fresh:
                return self._answer
            self._answer = await self._bounded()
            self._asked = anyio.current_time()
            return self._answer

    async def _bounded(self) -> Condition:
        try:
            with anyio.move_on_after(self.timeout):
                return await self._ask() or WELL
        except Exception as error:
            return Condition(Health.DOWN, f"{type(error).__name__}: {error}")
        return Condition(Health.DOWN, f"no answer within {self.timeout:g} s")

    def latest(self) -> Condition:
        """The last answer, for `Child.health`. It is DEGRADED at best where nobody has asked for
        three times as long as an answer is good."""
        age = anyio.current_time() - self._asked
        if self._asked > -inf and age > 3 * self.fresh + self.timeout:
            health = worst([self._answer.health, Health.DEGRADED])
            return Condition(health, f"not checked for {age:.0f} s")
        return self._answer


class HealthChecks(Actor[object]):
    """The child that keeps the answers of all its checks fresh."""

    def __init__(self, *checks: HealthCheck) -> None:
        self._checks = checks

    async def run(self) -> None:
        """Ask all at once, each as often as its answer goes stale."""
        async with anyio.create_task_group() as group:
            for check in self._checks:
                group.start_soon(self._keep_fresh, check)

    async def _keep_fresh(self, check: HealthCheck) -> None:
        while True:
            await check.refresh()
            await anyio.sleep(check.fresh)
