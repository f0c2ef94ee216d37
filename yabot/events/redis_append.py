"""Appending to streams, each only where it ends as we left it.

The rule: whether a stream is as it was and what is added to it is one step of the server, a script.
So an addition whose answer was lost is not made twice, nothing is added behind a gap that a crash
or a failover tore, and it does not matter through which connection it goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from yabot.events.redis import Client, RedisServer
from yabot.events.streams import FIELD, stream_key

APPEND = f"""
local key, expected, last = KEYS[1], ARGV[1], ''
if redis.call('EXISTS', key) == 1 then
    local facts = redis.call('XINFO', 'STREAM', key)
    for i = 1, #facts, 2 do
        if facts[i] == 'last-generated-id' then last = facts[i + 1] end
    end
    if last == '0-0' then last = '' end
end
if last == expected then
    for i = 3, #ARGV do
        last = redis.call('XADD', key, 'MAXLEN', '~', ARGV[2], '*', '{FIELD.decode()}', ARGV[i])
    end
    return {{1, last}}
end
local top, holds = '', 0
if last ~= '' then
    local entry = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    for i = 1, entry and #entry[2] or 0, 2 do
        if entry[2][i] == '{FIELD.decode()}' then top = entry[2][i + 1] end
    end
    if expected ~= '' then holds = #redis.call('XRANGE', key, expected, expected) end
end
return {{0, last, top, holds}}
"""
"""KEYS: the stream. ARGV: its expected last id (empty: it has none), about how many entries to
keep, the entries to add. Gives {1, last id}, or, where nothing was added, {0, last id, newest
entry, whether the expected one is still there}."""


@dataclass(frozen=True, slots=True)
class Addition:
    """Entries for a stream whose last id should be `expected`; empty: it should have none."""

    expected: str
    entries: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a stream ends. Unless `added`, nothing was: it ends elsewhere than expected.

    Then `newest` is its newest entry, empty where there is none, and `holds` says whether the
    entry of the expected id is still in it.
    """

    added: bool
    last_id: str
    newest: bytes = b""
    holds: bool = False


async def append(
    server: RedisServer, additions: Mapping[int, Addition], *, keep: int
) -> Mapping[int, Tip]:
    """Add to the streams of these partitions, all in one go, keeping about `keep` entries in each.

    Raises RedisAway, RedisRefused: each stream then has all of its addition or nothing of it.
    """

    async def ask(client: Client) -> list[list[bytes | int]]:
        async with client.pipeline(transaction=False) as pipeline:
            for partition, addition in additions.items():
                key, expected = stream_key(partition), addition.expected
                pipeline.execute_command("EVAL", APPEND, 1, key, expected, keep, *addition.entries)
            answers: list[list[bytes | int]] = await pipeline.execute()
            return answers

    return dict(zip(additions, map(_tip, await server.call(ask)), strict=True))


def _tip(answer: list[bytes | int]) -> Tip:
    match answer:
        case [1, bytes(last)]:
            return Tip(added=True, last_id=last.decode())
        case [0, bytes(last), bytes(newest), int(holds)]:
            return Tip(added=False, last_id=last.decode(), newest=newest, holds=bool(holds))
        case _:
            raise TypeError(f"the script gave {answer!r}")
