"""`yabot events tail`: shows events as they come, from Redis where it is configured, else from the
file.

The rule: it only looks. It belongs to no group and settles nothing.
"""

import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import orjson
from anyio.streams.memory import MemoryObjectSendStream

from yabot.commands.backups import connector_of
from yabot.config import ConfigManager
from yabot.errors import ConfigError, YabotError, lone
from yabot.events.envelope import CloudEvent
from yabot.events.errors import UnreadableEvent
from yabot.events.redis import Client, RedisServer, connect
from yabot.events.streams import FIELD, PARTITIONS, stream_key
from yabot.stores.connections import open_reading
from yabot.stores.events import AFTER, queued
from yabot.stores.reader import Reader

PAGE = 500
LOOK_AGAIN = 0.3
"""Seconds between two looks into the file."""

BLOCK = 1000
"""Milliseconds for which Redis may wait with its answer."""

TRY_AGAIN = 1.0
"""Seconds until what could not be reached is asked again."""

LAST = "SELECT coalesce(max(seq), 0) FROM outbox_events"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events are shown, and how. None is all."""

    type: str | None = None
    user_id: str | None = None
    as_json: bool = False

    def shows(self, event: CloudEvent) -> bool:
        """Whether the event is one of them; it goes by its name or by its whole type."""
        of_type = self.type in (None, event.name, event.type)
        return of_type and self.user_id in (None, event.user_id)

    def line(self, event: CloudEvent) -> str:
        """The event as it is shown."""
        if self.as_json:
            return event.to_json().decode()
        data = orjson.dumps(event.data).decode()
        at = f"{event.time:%H:%M:%S}.{event.time.microsecond // 1000:03}"
        return f"{at}  {event.user_id:>12}  {event.name} #{event.sequence}  {data}"


def tail(config: ConfigManager, wanted: Wanted, say: Say, complain: Say) -> None:
    """Show events from now on, until Ctrl-C or SIGTERM. Raises ConfigError."""

    async def main() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                async for _ in signals:
                    group.cancel_scope.cancel()
                    return

    async def follow() -> None:
        events = _in_redis(config, complain) if _has_redis(config) else _in_file(config)
        async for event in events:
            if wanted.shows(event):
                say(wanted.line(event))

    try:
        anyio.run(main)
    except ExceptionGroup as group:
        raise lone(group) from None


async def _in_file(config: ConfigManager) -> AsyncIterator[CloudEvent]:
    """Events as they are committed."""
    database = config.get_database_config()
    path = database.sqlite_path
    if not await anyio.Path(path).exists():
        raise ConfigError([f"SQLITE_DATABASE_PATH: there is no database at {path} yet"])
    reader = Reader(partial(open_reading, path, connector_of(database)))
    try:
        after = int((await reader.rows(LAST))[0][0])
        while True:
            rows = [queued(*row) for row in await reader.rows(AFTER, after, PAGE)]
            for row in rows:
                yield CloudEvent.of(row)
                after = row.seq
            if len(rows) < PAGE:
                await anyio.sleep(LOOK_AGAIN)
    finally:
        with anyio.CancelScope(shield=True):
            await reader.close()


async def _in_redis(config: ConfigManager, complain: Say) -> AsyncIterator[CloudEvent]:
    """Events as they come to their streams; those of one user in order."""
    redis = config.get_redis_config()
    assert redis.url is not None
    server = connect(redis.url, redis.password)
    found, events = anyio.create_memory_object_stream[CloudEvent](PAGE)
    away: set[str] = set()
    try:
        async with anyio.create_task_group() as group:
            for partition in range(PARTITIONS):
                group.start_soon(_follow, server, stream_key(partition), found, away, complain)
            async for event in events:
                yield event
    finally:
        await server.close()


async def _follow(
    server: RedisServer,
    key: str,
    found: MemoryObjectSendStream[CloudEvent],
    away: set[str],
    complain: Say,
) -> None:
    """Follow one stream; `away` are those that can't be reached, of which the first is told."""
    after: bytes | None = None
    while True:
        try:
            if after is None:
                after = await _last(server, key)
            entries = await _beyond(server, key, after)
        except YabotError as error:
            if not away:
                complain(f"{server.shown}: {error}; trying again")
            away.add(key)
            await anyio.sleep(TRY_AGAIN)
            continue
        away.discard(key)
        for id_, fields in entries:
            after = id_
            try:
                await found.send(CloudEvent.from_json(fields.get(FIELD, b"")))
            except UnreadableEvent as error:
                complain(f"{key} {id_.decode()}: {error}")


async def _last(server: RedisServer, key: str) -> bytes:
    async def ask(client: Client) -> Any:
        return await client.xrevrange(key, "+", "-", 1)

    newest = await server.call(ask)
    return bytes(newest[0][0]) if newest else b"0-0"


async def _beyond(
    server: RedisServer, key: str, after: bytes
) -> list[tuple[bytes, dict[bytes, bytes]]]:
    async def ask(client: Client) -> Any:
        return await client.xread({key: after}, count=PAGE, block=BLOCK)

    answer = await server.call(ask)
    return list(answer[0][1]) if answer else []


def _has_redis(config: ConfigManager) -> bool:
    return config.get_redis_config().url is not None
