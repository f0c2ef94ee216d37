"""RedisBridge with a real server that is killed, emptied, exchanged and lied about."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from tests.events.consumers import Heard, process
from tests.events.streams import PEOPLE, Bridge, bridge, entries, held, repeated
from tests.servers.valkey import FORGOTTEN, Valkey
from tests.waiting import until
from yabot.events.envelope import CloudEvent
from yabot.events.redis import Client
from yabot.events.redis_errors import RedisAway
from yabot.events.streams import FIELD, PARTITIONS, partition_of, stream_key

pytestmark = pytest.mark.anyio

AnswerT = TypeVar("AnswerT")


async def test_every_event_is_in_the_stream_of_its_user_once_and_in_order(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        await it.leave(times=5)
        it.begin()
        await it.leave((*PEOPLE, "system"), times=5)
        await it.level()
        for partition in range(PARTITIONS):
            for event in await entries(it.server, stream_key(partition)):
                assert partition_of(event.user_id) == partition
        assert repeated(await held(it.server)) == 0
        assert it.bridging.sent == len(await it.committed()) == len(it.published)


async def test_the_envelope_in_a_stream_is_that_of_the_row(path: Path, valkey: Valkey) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(("1", "system"))
        await it.db.events.publish(
            "guessed", b'{"number": 7}', version=3, causation_id="tg:1:2", traceparent="00-a-b-01"
        )
        await it.level()
        rows = [CloudEvent.of(row) for row in await it.db.events.history(0, 10)]
        assert sorted(await held(it.server), key=str) == sorted(rows, key=str)


async def test_a_server_that_is_killed_and_kept_everything_gets_the_rest_and_nothing_twice(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        for _ in range(3):
            await it.leave(times=3)
            await valkey.kill()
            await it.leave(times=3)
            await valkey.restart()
        await it.level()
        assert repeated(await held(it.server)) == 0


async def test_a_server_that_comes_back_empty_is_filled_again_from_the_outbox(
    path: Path, tmp_path: Path
) -> None:
    valkey = Valkey(tmp_path / "valkey", FORGOTTEN)
    await valkey.start()
    try:
        async with bridge(path, valkey) as it:
            it.begin()
            await it.leave(times=20)
            await it.remembered()
            await valkey.kill()
            await it.leave(times=2)
            await valkey.restart()
            await it.level()
            assert it.bridging.resent == 20 * len(PEOPLE)
            assert len(it.published) == 22 * len(PEOPLE)
    finally:
        valkey.end()


async def test_streams_that_are_emptied_beside_a_quiet_bot_are_filled_again(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=3)
        await it.level()
        await valkey.ask("FLUSHALL")
        await it.level()


async def test_nothing_new_goes_to_a_stream_that_lost_what_came_before(
    path: Path, valkey: Valkey
) -> None:
    """No connection breaks, so nothing but the stream itself can tell."""
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=3)
        await it.level()
        await valkey.ask("FLUSHALL")
        await it.leave(times=3)
        await it.level()
        assert repeated(await held(it.server)) == 0


async def lose_the_end(it: Bridge, key: str, kept: int) -> None:
    """Leave a stream as a server has it that lost what came after its first entries."""

    async def ask(client: Client) -> None:
        found = await client.xrange(key, "-", "+", kept)
        await client.delete(key)
        for entry_id, fields in found or ():
            assert entry_id is not None
            assert fields is not None
            await client.xadd(key, {FIELD: fields[FIELD]}, id=entry_id)

    await it.server.call(ask)


async def test_a_stream_that_lost_its_end_gets_that_end_again_and_nothing_else(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=10)
        await it.remembered()
        key = stream_key(partition_of("1"))
        before = await entries(it.server, key)
        await it.end()
        await lose_the_end(it, key, 3)
        it.begin()
        await it.leave(times=1)
        await it.level()
        assert repeated(await held(it.server)) == 0
        assert it.bridging.resent == len(before) - 3


async def test_a_death_while_sending_again_goes_on_with_it(path: Path, valkey: Valkey) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=100)
        await it.remembered()
        await it.end()
        await valkey.ask("FLUSHALL")
        it.bridging.sent = 0
        it.begin()
        await until(lambda: it.bridging.sent > 0)
        await it.end()
    async with bridge(path, valkey) as it:
        it.begin()
        await it.level()


async def test_a_lost_answer_repeats_nothing(
    path: Path, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bridge(path, valkey) as it:
        call = it.server.call
        lose = [False, True] * 5

        async def lossy(ask: Callable[[Client], Awaitable[AnswerT]]) -> AnswerT:
            answer = await call(ask)
            if lose and lose.pop():
                raise RedisAway("the answer was lost")
            return answer

        monkeypatch.setattr(it.server, "call", lossy)
        it.begin()
        while lose:
            await it.leave()
            await anyio.sleep(0.01)
        await it.level()
        assert it.bridging.failures == 5
        assert repeated(await held(it.server)) == 0


async def test_a_death_between_appending_and_marking_repeats_nothing(
    path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=3)
        await it.remembered()
        before = await it.db.reader.rows("SELECT * FROM redis_streams")
        position = await it.db.reader.rows("SELECT position FROM relays WHERE name = 'redis'")
        await it.leave(times=3)
        await it.remembered()
        await it.end()
        streams = {partition: (last_id, seq) for partition, last_id, seq in before}
        await it.db.bridge.move(position[0][0], streams)
        it.begin()
        await it.leave(times=3)
        await it.level()
        assert repeated(await held(it.server)) == 0


async def test_entries_of_somebody_else_change_nothing(path: Path, valkey: Valkey) -> None:
    async with bridge(path, valkey) as it:
        strange = CloudEvent("x", "yabot.user.guessed.v1", it.clock(), subject="nobody").to_json()
        it.begin()
        await it.leave(times=3)
        await it.level()
        for partition in range(PARTITIONS):
            await valkey.ask("XADD", stream_key(partition), "*", "e", strange)
            await valkey.ask("XADD", stream_key(partition), "*", "other", "field")
        await it.leave(times=3)

        async def sent() -> bool:
            return it.bridging.sent == 6 * len(PEOPLE)

        await until(sent)
        assert it.bridging.resent == 0


async def test_another_server_gets_everything_that_is_kept(
    path: Path, tmp_path: Path, valkey: Valkey
) -> None:
    async with bridge(path, valkey) as it:
        it.begin()
        await it.leave(times=3)
        await it.remembered()
    other = Valkey(tmp_path / "other")
    await other.start()
    try:
        async with bridge(path, other) as it:
            it.begin()
            await it.level()
    finally:
        other.end()


async def test_a_new_database_outranks_what_a_former_one_told(
    path: Path, tmp_path: Path, valkey: Valkey
) -> None:
    heard = Heard()
    async with process(valkey, heard) as group:
        async with bridge(path, valkey) as it:
            it.begin()
            await it.leave(times=5)
            await until(lambda: heard.of("1") == [1, 2, 3, 4, 5])
        async with bridge(tmp_path / "new.db", valkey) as it:
            await it.leave(times=2)
            it.begin()
            await until(lambda: len(heard.got) == 7 * len(PEOPLE))
            assert heard.of("1") == [1, 2, 3, 4, 5, 1, 2]
            await it.db.events.publish("guessed", b"{}")
        async with bridge(tmp_path / "new.db", valkey) as it:
            it.begin()
            await it.db.events.publish("guessed", b"{}")
            await until(lambda: heard.of("system") == [1, 2])
            assert {row.epoch for row in await it.db.events.history(0, 1_000)} == {2}
        assert group.reports == []
