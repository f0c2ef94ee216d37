"""RedisBridge: what waits for a server, what is kept for it, and what is let go."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.events.streams import PEOPLE, bridge, held
from tests.servers.valkey import Valkey
from tests.waiting import until
from yabot.events.streams import PARTITIONS, partition_of, stream_key
from yabot.stores.pruning import Pruning

pytestmark = pytest.mark.anyio


async def test_a_stream_keeps_about_as_many_entries_as_it_is_told_to(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey, keep=200) as it:
        it.begin()
        await it.leave(("1",), times=2_000)
        await it.remembered()
        length = await valkey.ask("XLEN", stream_key(partition_of("1")))
        assert isinstance(length, int)
        assert 200 <= length <= 400
        await it.end()
        it.begin()
        await it.leave(("1",))
        await until(lambda: it.bridging.sent == 2_001)
        assert it.bridging.resent == 0


async def test_while_the_server_is_away_commits_go_on_and_the_bridge_says_what_waits(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        await valkey.kill()
        it.begin()
        await it.leave(times=10)
        await until(lambda: it.bridging.oldest is not None)
        assert it.bridging.oldest == it.clock()
        assert it.db.bridge.waiting(it.bridging.position) == 10 * len(PEOPLE)
        assert "ConnectionError" in str(it.bridging.trouble)
        await until(lambda: it.server.detail() == "breaker open (ConnectionError)")
        await valkey.restart()
        await it.level()
        await until(lambda: it.bridging.trouble is None)
        assert it.db.bridge.waiting(it.bridging.position) == 0
        assert it.server.detail() == "breaker closed"


async def test_what_waits_for_the_server_is_kept_for_the_retention_and_let_go_after_it(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        pruning = Pruning(it.db.writer, it.db.reader, event_retention=3_600)
        it.begin()
        await it.leave(times=1)
        await it.remembered()
        await valkey.kill()
        await it.leave(times=2)
        it.clock.advance(minutes=59)
        await pruning.prune(it.clock())
        assert len(await it.committed()) == 3 * len(PEOPLE)
        it.clock.advance(minutes=2)
        await it.leave(times=1)
        await pruning.prune(it.clock())
        assert len(await it.committed()) == len(PEOPLE)
        await valkey.restart()
        await it.level()
        assert it.bridging.let_go == 2 * len(PEOPLE)
        told = [event.sequence for event in await held(it.server) if event.user_id == "1"]
        assert told == [1, 4]


async def test_what_is_to_be_sent_again_is_not_pruned_before(path: Path, valkey: Valkey) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=3)
        await it.remembered()
        await valkey.ask("FLUSHALL")
        await it.end()
        it.clock.advance(seconds=3_000)
        await it.db.bridge.move(0, dict.fromkeys(range(PARTITIONS), ("", 0)))
        pruning = Pruning(it.db.writer, it.db.reader, event_retention=3_600)
        await pruning.prune(it.clock() + timedelta(seconds=1_000))
        it.begin()
        await it.level()
        assert len(await it.committed()) == 3 * len(PEOPLE)


async def test_a_key_of_another_kind_is_told_and_the_bridge_goes_on_when_it_is_gone(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        key = stream_key(partition_of("1"))
        await valkey.ask("SET", key, "mine")
        it.begin()
        await it.leave()
        await until(lambda: "WRONGTYPE" in str(it.bridging.trouble))
        await valkey.ask("DEL", key)
        await it.level()
