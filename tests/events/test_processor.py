"""EventProcessor: every event reaches every group, in order per user, whatever dies."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.events.consumers import (
    Heard,
    Streams,
    dead_letters,
    event,
    is_in_order,
    process,
)
from tests.servers.valkey import Valkey, cluster, reaching
from tests.waiting import until
from yabot.events import delivery
from yabot.events.group_memory import GroupLetters, again_key
from yabot.events.ordering import Limits
from yabot.events.reader import Source
from yabot.events.redis import Client
from yabot.events.streams import partition_of, stream_key
from yabot.users.ports import DeadLetter

pytestmark = pytest.mark.anyio


async def test_a_group_hears_every_event_of_everybody_in_order(
    valkey: Valkey, streams: Streams
) -> None:
    await streams.fill(times=3)
    heard = Heard()
    async with process(valkey, heard) as it:
        await streams.fill(first=4, times=3)
        await until(lambda: is_in_order(heard, 6))

        async def settled() -> bool:
            return await streams.pending("g") == 0

        await until(settled)
        lag = await it.processor.lag()
        assert (lag.waiting, lag.pending) == (0, 0)
        assert it.reports == []


async def test_every_group_hears_everything_and_a_broken_one_delays_nobody(
    valkey: Valkey, streams: Streams
) -> None:
    sound, broken, stuck = Heard(), Heard(failing=lambda _: True), Heard(holding=anyio.Event())
    async with (
        process(valkey, sound, group="sound"),
        process(valkey, broken, group="broken"),
        process(valkey, stuck, group="stuck"),
    ):
        await streams.fill()
        await until(lambda: is_in_order(sound, 5))
        await until(lambda: broken.entered > delivery.ATTEMPTS)
        assert broken.got == stuck.got == []
        assert stuck.holding is not None
        stuck.holding.set()


async def test_an_event_that_nobody_wants_is_no_gap(valkey: Valkey, streams: Streams) -> None:
    heard = Heard()
    async with process(valkey, heard, name="guessed") as it:
        await streams.add(
            event("1", 1), event("1", 2, name="else"), event("1", 3, name="else", version=9)
        )
        await streams.add(event("1", 4))
        await until(lambda: heard.of("1") == [1, 4])
        assert it.reports == []
        assert await dead_letters(streams.server) == []


async def test_what_comes_twice_is_handled_once_also_by_the_next_process(
    valkey: Valkey, streams: Streams
) -> None:
    first, second = event("1", 1), event("1", 2)
    heard = Heard()
    async with process(valkey, heard):
        await streams.add(first, first, second, first, second)
        await until(lambda: heard.of("1") == [1, 2])
    async with process(valkey, heard):
        await streams.add(first, second, event("1", 3))
        await until(lambda: heard.of("1") == [1, 2, 3])


async def test_a_gap_is_waited_for_then_told_and_kept_and_the_rest_goes_on(
    valkey: Valkey, streams: Streams
) -> None:
    heard = Heard()
    async with process(valkey, heard, limits=Limits(patience=0.3)) as it:
        await streams.add(event("1", 1), event("1", 4), event("1", 3), event("2", 7))
        await until(lambda: heard.of("2") == [7])
        await until(lambda: heard.of("1") == [1, 3, 4])
        (report,) = it.reports
        assert "events 2 to 2 of user 1 are missing" in report.reason
        assert await gaps(streams) == [{b"user_id": b"1", b"epoch": b"1", b"first": b"2",
                                        b"last": b"2"}]  # fmt: skip


async def test_a_newer_epoch_goes_on_without_a_gap(valkey: Valkey, streams: Streams) -> None:
    heard = Heard()
    async with process(valkey, heard) as it:
        await streams.add(event("1", 8), event("1", 6, epoch=2), event("1", 9))
        await streams.add(event("1", 7, epoch=2))
        await until(lambda: heard.of("1") == [8, 6, 7])
        assert it.reports == []


async def test_an_event_that_keeps_failing_is_a_dead_letter_that_can_be_tried_again(
    valkey: Valkey, streams: Streams
) -> None:
    heard = Heard(failing=lambda event: event.sequence == 2)
    letters = GroupLetters(streams.server, "g")
    bad = event("1", 2)
    async with process(valkey, heard):
        await streams.add(event("1", 1), bad, event("1", 3))
        await until(lambda: heard.of("1") == [1, 3])

        async def set_aside() -> bool:
            return await letters.count() == 1

        await until(set_aside)
        assert heard.entered == 2 + delivery.ATTEMPTS
        (stored,) = await letters.page()
        assert stored.letter == DeadLetter(
            "event", f"g:{bad.id}", "1", "g: ValueError: not today", bad.to_json()
        )
        heard.failing = lambda _: False
        assert await letters.replay(stored.id)
        assert not await letters.replay(stored.id)
        await until(lambda: heard.of("1") == [1, 3, 2])
        assert await letters.count() == 0

        async def is_gone() -> bool:
            return await streams.server.call(lambda client: client.xlen(again_key("g"))) == 0

        await until(is_gone)


async def test_a_newer_version_is_parked_and_what_is_no_event_too(
    valkey: Valkey, streams: Streams
) -> None:
    heard = Heard()
    async with process(valkey, heard):
        await streams.add(event("1", 1, name="besitos_added", version=99), event("1", 2))
        await streams.add_raw(stream_key(partition_of("1")), b"\xff not an event")
        await streams.add(event("1", 3))
        await until(lambda: heard.of("1") == [2, 3])
        newer, nothing = await dead_letters(streams.server)
        assert "NewerVersion: besitos_added is of version 99" in newer.error
        assert b'"n":1' in newer.body
        assert "UnreadableEvent" in nothing.error


async def test_a_handler_that_hangs_fails_and_holds_nobody_up(
    valkey: Valkey, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "HANDLING", 0.02)
    stuck = Heard(holding=anyio.Event())
    async with process(valkey, stuck):
        await streams.add(event("1", 1))

        async def set_aside() -> bool:
            return len(await dead_letters(streams.server)) == 1

        await until(set_aside)
        assert stuck.entered == delivery.ATTEMPTS


async def test_a_queue_is_emptied_and_its_letters_go_where_they_are_sent(
    valkey: Valkey, streams: Streams
) -> None:
    class Kept:
        letters: list[DeadLetter]

        def __init__(self) -> None:
            self.letters = []

        async def add(self, letter: DeadLetter) -> None:
            self.letters.append(letter)

    heard, kept = Heard(failing=lambda event: event.user_id == "2"), Kept()
    queue = Source("yabot:external", queue=True)
    async with process(valkey, heard, sources=(queue,), letters=kept):
        for user in ("1", "2", "1"):
            await streams.add_raw(queue.key, event(user, 5).to_json())
        await until(lambda: heard.of("1") == [5, 5])
        await until(lambda: len(kept.letters) == 1)

        async def is_empty() -> bool:
            return await streams.server.call(lambda client: client.xlen(queue.key)) == 0

        await until(is_empty)


async def test_a_cluster_is_read_like_a_server(tmp_path: Path) -> None:
    async with cluster(tmp_path / "cluster") as node:
        url = f"redis+cluster://127.0.0.1:{node.port}"
        async with reaching(url) as server:
            heard, streams = Heard(), Streams(server)
            async with process(node, heard, url=url):
                await streams.fill(times=3)
                await until(lambda: is_in_order(heard, 3))


async def gaps(streams: Streams) -> list[dict[bytes, bytes]]:
    async def ask(client: Client) -> Any:
        return await client.xrange("yabot:gaps:{g}")

    return [fields for _, fields in await streams.server.call(ask)]
