"""StreamGroup: one stream of Redis as one consumer of a group sees it.

The rule: only whoever holds the stream for the group (`holding.py`) uses this, so what is pending
with anybody else is pending with somebody who is gone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from yabot.events.redis import Client, RedisServer
from yabot.events.redis_errors import RedisRefused
from yabot.events.streams import FIELD

BATCH = 100
"""Entries read at a time."""

BEGINNING = b"0-0"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a stream. `body` is the envelope of an event, or whatever somebody left there."""

    id: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Inherited:
    """A page of what was pending; `after` is where the next one begins, None for the last.

    `lost` entries were pending and are no longer in the stream.
    """

    entries: Sequence[Entry]
    after: bytes | None
    lost: int


@dataclass(frozen=True, slots=True)
class Lag:
    """Of one group: entries that it has yet to read, and those that it has read and not settled."""

    waiting: int = 0
    pending: int = 0


class StreamGroup:
    """Reads and settles entries. Everything raises RedisAway and RedisRefused."""

    def __init__(self, server: RedisServer, key: str, group: str, consumer: str) -> None:
        self.key = key
        self._server = server
        self._group = group
        self._consumer = consumer

    async def join(self) -> None:
        """Make the group where there is none: it begins with the oldest entry that is kept."""
        gone = await self._gone()
        try:
            await self._server.call(
                lambda client: client.xgroup_create(
                    self.key, self._group, id="0", mkstream=True, entries_read=gone
                )
            )
        except RedisRefused as refused:
            if refused.code != "BUSYGROUP":
                raise

    async def inherit(self, after: bytes = BEGINNING) -> Inherited:
        """Take over what anybody of the group has read and not settled, in order."""

        async def ask(client: Client) -> Any:
            return await client.xautoclaim(
                self.key, self._group, self._consumer, min_idle_time=0, start_id=after, count=BATCH
            )

        following, entries, *gone = await self._server.call(ask)
        lost = len(gone[0]) if gone else 0
        return Inherited(_entries(entries), None if following == BEGINNING else following, lost)

    async def forget_the_gone(self) -> None:
        """Remove the consumers of whom nothing is pending any more."""

        async def ask(client: Client) -> None:
            for other in await client.xinfo_consumers(self.key, self._group):
                if other["pending"] == 0 and other["name"] != self._consumer.encode():
                    await client.xgroup_delconsumer(self.key, self._group, other["name"])

        await self._server.call(ask)

    async def read(self, *, wait: float) -> Sequence[Entry]:
        """The next entries; none when there were none within `wait` seconds."""
        block = max(1, round(wait * 1000))

        async def ask(client: Client) -> Any:
            return await client.xreadgroup(
                self._group, self._consumer, {self.key: ">"}, count=BATCH, block=block
            )

        answer = await self._server.call(ask)
        return _entries(answer[0][1]) if answer else ()

    async def settle(self, ids: Sequence[bytes], *, remove: bool) -> None:
        """These are done; `remove` takes them out of the stream as well."""
        await self._server.call(lambda client: client.xack(self.key, self._group, *ids))
        if remove:
            await self._server.call(lambda client: client.xdel(self.key, *ids))

    async def trimmed(self) -> int:
        """How many entries were cut off the stream before the group has read them."""
        gone = await self._gone()
        for group in await self._server.call(lambda client: client.xinfo_groups(self.key)):
            if group["name"] == self._group.encode() and group["entries-read"] is not None:
                return max(0, gone - int(group["entries-read"]))
        return 0

    async def _gone(self) -> int:
        """How many entries the stream once had and has no more."""
        try:
            stream = await self._server.call(lambda client: client.xinfo_stream(self.key))
        except RedisRefused:
            return 0  # there is no such stream yet
        return int(stream["entries-added"]) - int(stream["length"])


async def lags(server: RedisServer, keys: Iterable[str]) -> dict[str, Lag]:
    """How far behind every group is, over all these streams. Raises RedisAway, RedisRefused."""
    found: dict[str, Lag] = {}
    for key in keys:
        try:
            groups = await server.call(partial(_groups, key))
        except RedisRefused:
            continue  # there is no such stream yet
        for group in groups:
            name = group["name"].decode()
            so_far = found.get(name, Lag())
            waiting = so_far.waiting + int(group["lag"] or 0)
            found[name] = Lag(waiting, so_far.pending + int(group["pending"]))
    return found


async def _groups(key: str, client: Client) -> Any:
    return await client.xinfo_groups(key)


def _entries(given: Iterable[tuple[bytes, dict[bytes, bytes] | None]]) -> list[Entry]:
    return [Entry(id_, (fields or {}).get(FIELD, b"")) for id_, fields in given]
