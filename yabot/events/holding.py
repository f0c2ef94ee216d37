"""Holding: which process of a group reads which stream.

The rule: one reader per stream and group, so nobody overtakes anybody. A process says every few
seconds that it lives; a stream belongs to who took it for as long as they live. Each takes its fair
share of the streams and gives up, between two batches, what is more than that when another process
comes. A process that was paused for longer than `LIFE` may still be handling one event that its
follower handles too: events come at least once.
"""

import time

import anyio
import structlog

from actors import Actor
from yabot.errors import YabotError
from yabot.events.redis import Client, RedisServer

LIFE = 10.0
"""Seconds for which a process counts as living after it has said so."""

BEAT = 3.0
"""Seconds between two signs of life."""

BE_HERE = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
"""
"""KEYS: the living, by when they count as gone. ARGV: who, for how many milliseconds."""

TAKE = (
    BE_HERE
    + """
local me, stream = ARGV[1], ARGV[3]
local holder = redis.call('HGET', KEYS[2], stream)
if holder and holder ~= me and redis.call('ZSCORE', KEYS[1], holder) then return 0 end
local mine = 0
for _, one in ipairs(redis.call('HVALS', KEYS[2])) do
    if one == me then mine = mine + 1 end
end
local share = math.ceil(ARGV[4] / redis.call('ZCARD', KEYS[1]))
if holder == me then
    if mine <= share then return 1 end
    redis.call('HDEL', KEYS[2], stream)
    return 0
end
if mine >= share then return 0 end
redis.call('HSET', KEYS[2], stream, me)
return 1
"""
)
"""KEYS: the living, who holds which stream. ARGV: who, for how long, a stream, of how many."""

GIVE_UP = """
if redis.call('HGET', KEYS[2], ARGV[2]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[2]) end
for _, one in ipairs(redis.call('HVALS', KEYS[2])) do
    if one == ARGV[1] then return end
end
redis.call('ZREM', KEYS[1], ARGV[1])
"""
"""KEYS: the living, who holds which stream. ARGV: who, a stream. Who holds nothing has left."""

log = structlog.get_logger(__name__)


class Holding:
    """The streams that one process holds for its group, of `streams` in all."""

    def __init__(self, server: RedisServer, group: str, consumer: str, streams: int) -> None:
        self._server = server
        self._consumer = consumer
        self._streams = streams
        self._living = f"yabot:living:{{{group}}}"
        self._holders = f"yabot:holders:{{{group}}}"
        self._seen = float("-inf")

    @property
    def alive(self) -> bool:
        """Whether the others take this process for living."""
        return time.monotonic() < self._seen + LIFE

    async def beat(self) -> None:
        """Say that this process lives. Raises RedisAway, RedisRefused."""
        await self._run(BE_HERE, [self._living], self._consumer, round(LIFE * 1000))

    async def take(self, key: str) -> bool:
        """Hold a stream, or go on holding it; False when it is somebody else's turn.

        Raises RedisAway, RedisRefused.
        """
        keys = [self._living, self._holders]
        given = (self._consumer, round(LIFE * 1000), key, self._streams)
        return await self._run(TAKE, keys, *given) == 1

    async def give_up(self, key: str) -> None:
        """Leave a stream to the others at once. Raises RedisAway, RedisRefused."""
        await self._server.call(
            lambda client: client.eval(GIVE_UP, 2, self._living, self._holders, self._consumer, key)
        )

    async def _run(self, script: str, keys: list[str], *given: str | int) -> object:
        began = time.monotonic()

        async def ask(client: Client) -> object:
            return await client.eval(script, len(keys), *keys, *given)

        answer = await self._server.call(ask)
        self._seen = began
        return answer


class SignOfLife(Actor[object]):
    """Says every few seconds that this process lives, however long a handler takes."""

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    async def run(self) -> None:
        """Say it, wait, repeat."""
        while True:
            try:
                await self._holding.beat()
            except YabotError as error:
                log.warning("group.no_sign_of_life", error=str(error))
            await anyio.sleep(BEAT)
