"""EventProcessor and what servers lose: entries, groups, everything."""

from pathlib import Path

import pytest

from tests.events.consumers import (
    Heard,
    Streams,
    event,
    is_in_order,
    process,
)
from tests.servers.valkey import FORGOTTEN, Valkey, reaching
from tests.waiting import until
from yabot.events.ordering import Limits
from yabot.events.processor import EVENTS
from yabot.events.redis import Client
from yabot.events.streams import partition_of, stream_key

pytestmark = pytest.mark.anyio


async def test_a_server_that_dies_and_comes_back_costs_nothing(
    valkey: Valkey, streams: Streams
) -> None:
    heard = Heard()
    async with process(valkey, heard) as it:
        await streams.fill(times=3)
        await until(lambda: is_in_order(heard, 3))
        await valkey.kill()
        await valkey.restart()
        await streams.fill(first=4, times=3)
        await until(lambda: is_in_order(heard, 6), deadline=30)
        assert [one for one in it.reports if "missing" in one.reason] == []


async def test_a_server_that_forgot_everything_is_read_again_and_nothing_is_handled_twice(
    tmp_path: Path,
) -> None:
    valkey = Valkey(tmp_path / "valkey", FORGOTTEN)
    heard = Heard()
    try:
        await valkey.start()
        async with reaching(valkey.url) as server:
            streams = Streams(server)
            async with process(valkey, heard):
                await streams.fill(times=3)
                await until(lambda: is_in_order(heard, 3))
                await valkey.kill()
                await valkey.restart()
                await streams.fill(times=6)
                await until(lambda: is_in_order(heard, 6), deadline=30)
    finally:
        valkey.end()


async def test_a_group_that_was_removed_is_made_again(valkey: Valkey, streams: Streams) -> None:
    heard = Heard()
    async with process(valkey, heard):
        await streams.fill(times=2)
        await until(lambda: is_in_order(heard, 2))

        async def destroy(client: Client) -> None:
            for source in EVENTS:
                await client.xgroup_destroy(source.key, "g")

        await streams.server.call(destroy)
        await streams.fill(first=3, times=2)
        await until(lambda: is_in_order(heard, 4))


async def test_a_stream_that_was_cut_off_before_it_was_read_is_told(
    valkey: Valkey, streams: Streams
) -> None:
    heard = Heard()
    await streams.add(event("1", 1))
    async with process(valkey, heard):
        await until(lambda: heard.of("1") == [1])
    await streams.add(*(event("1", sequence) for sequence in range(2, 9)))
    key = stream_key(partition_of("1"))
    await streams.server.call(lambda client: client.xtrim(key, maxlen=2, approximate=False))
    async with process(valkey, heard, limits=Limits(patience=0.1)) as it:
        await until(lambda: heard.of("1") == [1, 7, 8])
        reasons = [report.reason for report in it.reports]
        assert f"{key}: 5 events were cut off before they were read" in reasons
        assert f"{key}: events 2 to 6 of user 1 are missing" in reasons


async def test_a_new_group_has_missed_nothing_of_a_stream_that_was_cut_off_before(
    valkey: Valkey, streams: Streams
) -> None:
    await streams.add(*(event("1", sequence) for sequence in range(1, 9)))
    key = stream_key(partition_of("1"))
    await streams.server.call(lambda client: client.xtrim(key, maxlen=3, approximate=False))
    heard = Heard()
    async with process(valkey, heard) as it:
        await until(lambda: heard.of("1") == [6, 7, 8])
        assert it.reports == []
        assert (await it.processor.lag()).waiting == 0
