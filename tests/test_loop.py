"""A task that exits ends itself; the loop's own task ends the loop."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import anyio
import pytest
from structlog.testing import capture_logs

from yabot.loop import Loop


def run(main: Callable[[], Awaitable[str]]) -> str:
    return anyio.run(main, backend="asyncio", backend_options={"loop_factory": Loop})


async def leave() -> None:
    sys.exit("it wants to leave")


def test_tasks_that_exit_leave_the_others_as_they_are() -> None:
    async def main() -> str:
        others = [asyncio.create_task(asyncio.sleep(0.01, number)) for number in range(5)]
        leaving = [asyncio.create_task(leave()) for _ in range(3)]
        ended = await asyncio.gather(*leaving, return_exceptions=True)
        assert [type(error) for error in ended] == [SystemExit] * 3
        assert await asyncio.gather(*others) == list(range(5))
        return "served"

    with capture_logs() as logs:
        assert run(main) == "served"
    assert {(line["event"], line["code"]) for line in logs} == {
        ("task.exited", "it wants to leave")
    }


def test_the_task_that_the_loop_runs_for_may_exit() -> None:
    async def main() -> str:
        sys.exit(3)

    with pytest.raises(SystemExit) as left:
        run(main)
    assert left.value.code == 3
