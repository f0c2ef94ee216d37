"""Grace: a stop lets what is in hand be finished, but not for ever."""

import anyio
import anyio.lowlevel
import pytest

from yabot.events.grace import Grace

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_work_that_is_not_stopped_ends_and_the_next_begins() -> None:
    grace, done = Grace(), []

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        done.append(grace.ending)

    await grace.over(work)
    await grace.over(work)
    assert done == [False, False]
    assert not grace.ending


async def test_a_stop_lets_work_end_and_is_told_afterwards() -> None:
    grace, seen = Grace(), []
    begun, may_end = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        seen.append(grace.ending)

    async def actor() -> None:
        await grace.over(work)
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(actor)
        await begun.wait()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await anyio.wait_all_tasks_blocked()
            may_end.set()
    assert seen == [True]


async def test_work_that_does_not_end_in_time_is_cut_short() -> None:
    grace, begun = Grace(seconds=0.01), anyio.Event()
    cut_short = []

    async def work() -> None:
        begun.set()
        try:
            await anyio.sleep_forever()
        finally:
            cut_short.append(True)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(grace.over, work)
            await begun.wait()
            group.cancel_scope.cancel()
    assert cut_short == [True]


async def test_what_the_work_raises_is_raised_as_it_is() -> None:
    async def work() -> None:
        raise ValueError("not today")

    with pytest.raises(ValueError, match="not today"):
        await Grace().over(work)
