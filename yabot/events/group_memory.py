"""What a group remembers in Redis: how far each user's events are handled, what was missing, what
was given up.

    yabot:places:{group}:<p>   user ─▶ epoch.sequence of the last event that was handled
    yabot:gaps:{group}         events that never came, as they were told
    yabot:dead:{group}         events that were given up, with their errors
    yabot:again:{group}        those of them that are to be tried again

The rule: all of it has a bound but the places, which are one small number for each user.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from yabot.domain.values import UserId
from yabot.events.ordering import Gap, Place
from yabot.events.redis import Client, RedisServer
from yabot.events.streams import FIELD
from yabot.users.ports import DeadLetter

MOST_LETTERS = 100_000
"""Dead letters of a group; beyond about that many the oldest are dropped."""

MOST_GAPS = 10_000
"""Gaps that are told; of more the oldest are forgotten."""

IN_MEMORY = 50_000
"""Users of a stream whose place is in memory as well: Redis may forget what its reader does not."""

REPLAY = f"""
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return 0 end
for i = 1, #entry[2], 2 do
    if entry[2][i] == '{FIELD.decode()}' then
        redis.call('XADD', KEYS[2], '*', '{FIELD.decode()}', entry[2][i + 1])
    end
end
return redis.call('XDEL', KEYS[1], ARGV[1])
"""
"""KEYS: the dead letters, those to be tried again. ARGV: the id of a letter."""


def dead_key(group: str) -> str:
    """The stream of a group's dead letters."""
    return f"yabot:dead:{{{group}}}"


def again_key(group: str) -> str:
    """The stream of what a group shall try again."""
    return f"yabot:again:{{{group}}}"


def gaps_key(group: str) -> str:
    """The stream of what a group has missed."""
    return f"yabot:gaps:{{{group}}}"


class Places:
    """How far the users of one stream are handled, by one group."""

    def __init__(self, server: RedisServer, group: str, stream: str) -> None:
        self._server = server
        self._key = f"yabot:places:{{{group}}}:{stream}"
        self._known: OrderedDict[UserId, Place] = OrderedDict()
        self._new: dict[UserId, Place] = {}

    async def of(self, users: Sequence[UserId]) -> Mapping[UserId, Place]:
        """The places of those of whom any event has been handled. Raises RedisAway."""
        if not users:
            return {}

        async def ask(client: Client) -> Any:
            return await client.hmget(self._key, list(users))

        found: dict[UserId, Place] = {}
        for user_id, told in zip(users, await self._server.call(ask), strict=True):
            places = [self._known[user_id]] if user_id in self._known else []
            if told is not None:
                epoch, _, sequence = told.partition(b".")
                places.append(Place(int(epoch), int(sequence)))
            if places:
                found[user_id] = max(places)
        return found

    def handled(self, user_id: UserId, place: Place) -> None:
        """An event was handled; `save` makes it durable."""
        self._new[user_id] = place
        self._known[user_id] = place
        self._known.move_to_end(user_id)
        if len(self._known) > IN_MEMORY:
            self._known.popitem(last=False)

    async def save(self) -> None:
        """Make the new places durable. Raises RedisAway, RedisRefused."""
        if not self._new:
            return
        told = [
            part
            for user_id, place in self._new.items()
            for part in (user_id, f"{place.epoch}.{place.sequence}")
        ]

        async def ask(client: Client) -> Any:
            return await client.hset(self._key, items=told)

        await self._server.call(ask)
        self._new.clear()


class GapAudit:
    """The gaps that a group has met, for whoever looks into what was lost."""

    def __init__(self, server: RedisServer, group: str) -> None:
        self._server = server
        self._key = gaps_key(group)

    async def add(self, gaps: Iterable[Gap]) -> None:
        """Keep gaps. Raises RedisAway, RedisRefused."""

        async def ask(client: Client) -> None:
            for gap in gaps:
                told: dict[Any, Any] = asdict(gap)
                await client.xadd(self._key, told, maxlen=MOST_GAPS)

        await self._server.call(ask)


@dataclass(frozen=True, slots=True)
class GroupLetter:
    """A dead letter of a group in its stream."""

    id: str
    letter: DeadLetter


class GroupLetters:
    """The dead letters of a group whose processes have no database. All raise RedisAway."""

    def __init__(self, server: RedisServer, group: str) -> None:
        self._server = server
        self._dead = dead_key(group)
        self._again = again_key(group)

    async def add(self, letter: DeadLetter) -> None:
        """Keep a letter."""
        about = {"kind": letter.kind, "key": letter.key, "user_id": letter.user_id}
        fields = {
            FIELD: letter.body,
            b"error": letter.error.encode(),
            b"about": orjson.dumps(about),
        }
        await self._server.call(
            lambda client: client.xadd(self._dead, fields, maxlen=MOST_LETTERS)  # type: ignore[arg-type]
        )

    async def page(self, after: str = "-", limit: int = 100) -> Sequence[GroupLetter]:
        """Letters, oldest first; `after` is the id of the last one of the page before."""
        first = after if after == "-" else f"({after}"

        async def ask(client: Client) -> Any:
            return await client.xrange(self._dead, first, "+", limit)

        return [_letter(id_, fields) for id_, fields in await self._server.call(ask)]

    async def get(self, letter_id: str) -> GroupLetter | None:
        """One letter; None when there is none of that id."""

        async def ask(client: Client) -> Any:
            return await client.xrange(self._dead, letter_id, letter_id)

        return next((_letter(*found) for found in await self._server.call(ask)), None)

    async def replay(self, letter_id: str) -> bool:
        """Have the group try a letter again; False when there is none of that id."""

        async def ask(client: Client) -> Any:
            return await client.eval(REPLAY, 2, self._dead, self._again, letter_id)

        return bool(await self._server.call(ask))

    async def discard(self, letter_id: str) -> bool:
        """Remove a letter for good; False when there is none of that id."""

        async def ask(client: Client) -> Any:
            return await client.xdel(self._dead, letter_id)

        return bool(await self._server.call(ask))

    async def count(self) -> int:
        """How many letters wait."""

        async def ask(client: Client) -> Any:
            return await client.xlen(self._dead)

        return int(await self._server.call(ask))


def _letter(id_: bytes, fields: Mapping[bytes, bytes]) -> GroupLetter:
    about = orjson.loads(fields[b"about"])
    error = fields[b"error"].decode()
    body = fields[FIELD]
    letter = DeadLetter(about["kind"], about["key"], about["user_id"], error, body)
    return GroupLetter(id_.decode(), letter)
