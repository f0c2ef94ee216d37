"""EventProcessor in several processes: they share, die and stop, and keep the order."""

import anyio
import pytest

from tests.events.consumers import (
    PEOPLE,
    Heard,
    Streams,
    event,
    is_in_order,
    process,
)
from tests.servers.valkey import Valkey
from tests.waiting import until
from yabot.events import holding
from yabot.events.holding import Holding
from yabot.events.processor import EVENTS
from yabot.events.redis import Client
from yabot.events.stream_group import StreamGroup
from yabot.events.streams import partition_of, stream_key

pytestmark = pytest.mark.anyio


async def test_what_waits_behind_a_gap_survives_a_stop(valkey: Valkey, streams: Streams) -> None:
    heard = Heard()
    async with process(valkey, heard):
        await streams.add(event("1", 1), event("1", 3))
        await until(lambda: heard.of("1") == [1])

        async def waits() -> bool:
            return await streams.pending("g") == 1

        await until(waits)
    async with process(valkey, heard) as it:
        await streams.add(event("1", 2))
        await until(lambda: heard.of("1") == [1, 2, 3])
        assert it.reports == []


async def test_two_processes_share_the_streams_and_keep_everybodys_order(
    valkey: Valkey, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, mine, yours = Heard(), Heard(), Heard()

    def both(own: Heard) -> Heard:
        async def hear(event: object) -> None:
            await own(event)  # type: ignore[arg-type]
            await heard(event)  # type: ignore[arg-type]

        return hear  # type: ignore[return-value]

    async with process(valkey, both(mine)):
        await streams.fill(times=2)
        await until(lambda: is_in_order(heard, 2))
        async with process(valkey, both(yours)):
            sequence = 3
            while not yours.got:
                await streams.fill(first=sequence, times=1)
                sequence += 1
                await anyio.sleep(0.02)
            await until(lambda: is_in_order(heard, sequence - 1))
            last = sequence - 1
        await streams.fill(first=last + 1, times=2)
        await until(lambda: is_in_order(heard, last + 2))
    assert mine.got
    assert yours.got


async def test_what_a_dead_process_had_in_hand_is_taken_over(
    valkey: Valkey, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "LIFE", 0.5)
    await streams.fill(times=3)
    dead = Holding(streams.server, "g", "dead", len(EVENTS) + 1)
    for source in EVENTS:
        stream = StreamGroup(streams.server, source.key, "g", "dead")
        await stream.join()
        assert await dead.take(source.key)
        await stream.read(wait=0.001)
    assert await streams.pending("g") == 3 * len(PEOPLE)
    heard = Heard()
    async with process(valkey, heard):
        await streams.fill(first=4, times=2)
        await until(lambda: is_in_order(heard, 5))

        async def is_forgotten() -> bool:
            return await consumers(streams) == {1}

        await until(is_forgotten)


async def test_nobody_reads_what_a_living_process_holds(
    valkey: Valkey, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    living = Holding(streams.server, "g", "living", len(EVENTS) + 1)
    key = stream_key(partition_of("1"))
    assert await living.take(key)
    heard = Heard()
    async with process(valkey, heard):
        await streams.fill(times=1)
        elsewhere = [user for user in PEOPLE if stream_key(partition_of(user)) != key]
        await until(lambda: len(heard.got) >= len(elsewhere) // 2)
        assert heard.of("1") == []
        await living.give_up(key)
        await until(lambda: is_in_order(heard, 1))


async def test_a_stop_finishes_what_is_in_hand_and_leaves_the_rest(
    valkey: Valkey, streams: Streams
) -> None:
    slow, heard = Heard(holding=anyio.Event()), Heard()
    assert slow.holding is not None
    await streams.add(*(event("1", sequence) for sequence in range(1, 6)))
    async with anyio.create_task_group() as group, process(valkey, slow) as it:
        await until(lambda: slow.entered == 1)
        group.start_soon(it.tree.stop)
        await anyio.wait_all_tasks_blocked()
        slow.holding.set()
    assert slow.of("1") == [1]
    async with process(valkey, heard):
        await until(lambda: heard.of("1") == [2, 3, 4, 5])


async def consumers(streams: Streams) -> set[int]:
    """How many consumers the group has in its streams."""

    async def ask(client: Client) -> set[int]:
        return {len(await client.xinfo_consumers(source.key, "g")) for source in EVENTS}

    return await streams.server.call(ask)
