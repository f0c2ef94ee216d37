"""A coroutine runs at once up to its first wait, and goes on where it is awaited."""

import asyncio
from contextvars import ContextVar

import anyio
import pytest

from yabot.eager import Begun

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


name: ContextVar[str] = ContextVar("name", default="nobody")


async def test_one_that_never_waits_is_finished_at_once() -> None:
    async def work() -> int:
        return 5

    begun = Begun(work())
    assert not begun.waits
    assert await begun == 5


async def test_one_that_waits_goes_on_when_it_is_awaited() -> None:
    steps: list[str] = []
    go = asyncio.Event()

    async def work() -> str:
        steps.append("begun")
        await go.wait()
        await asyncio.sleep(0)
        steps.append("done")
        return "result"

    begun = Begun(work())
    assert begun.waits
    assert steps == ["begun"]
    asyncio.get_running_loop().call_soon(go.set)
    assert await begun == "result"
    assert steps == ["begun", "done"]


async def test_an_error_comes_where_it_is_raised() -> None:
    async def early() -> None:
        raise ValueError("early")

    async def late() -> None:
        await asyncio.sleep(0)
        raise ValueError("late")

    with pytest.raises(ValueError, match="early"):
        Begun(early())
    begun = Begun(late())
    with pytest.raises(ValueError, match="late"):
        await begun


async def test_a_deadline_around_the_rest_ends_the_wait() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)
            cleaned.append("up")

    begun = Begun(work())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await begun
    assert cleaned == ["up"]


async def test_a_cancelled_caller_cancels_it() -> None:
    ended: list[bool] = []

    async def work() -> None:
        try:
            await anyio.sleep(10)
        except asyncio.CancelledError:
            ended.append(True)
            raise

    async def caller() -> None:
        await Begun(work())

    task = asyncio.ensure_future(caller())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_deadlines_and_scopes_inside_it_keep_working() -> None:
    async def work() -> str:
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep(10)
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        return "on"

    begun = Begun(work())
    async with asyncio.timeout(5):
        assert await begun == "on"


async def test_it_runs_in_the_context_and_the_task_of_its_caller() -> None:
    async def work() -> asyncio.Task[object] | None:
        name.set("before")
        await asyncio.sleep(0)
        name.set(name.get() + " and after")
        return asyncio.current_task()

    assert await Begun(work()) is asyncio.current_task()
    assert name.get() == "before and after"
