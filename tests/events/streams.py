"""Events of several people in an outbox, and what became of them in the streams."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from actors import ActorRef, ActorSystem
from tests.servers.valkey import Valkey, reaching
from tests.stores.running import Clock, running
from tests.waiting import until
from yabot.events.bridge import RedisBridge
from yabot.events.bridge_ports import Bridging
from yabot.events.envelope import CloudEvent
from yabot.events.redis import Client, RedisServer
from yabot.events.redis_errors import RedisAway
from yabot.events.streams import FIELD, PARTITIONS, stream_key
from yabot.stores.database import DatabaseManager
from yabot.stores.moments import to_micros
from yabot.stores.statements import Statement

PAGE = 1_000
PEOPLE = tuple(map(str, range(1, 41)))

_ids = (f"event-{number}" for number in count(1))


async def held(server: RedisServer) -> list[CloudEvent]:
    """All events that the streams hold, those of a stream in its order."""
    return [
        event
        for partition in range(PARTITIONS)
        for event in await entries(server, stream_key(partition))
    ]


async def entries(server: RedisServer, key: str) -> list[CloudEvent]:
    """All events of one stream, in order."""
    found: list[CloudEvent] = []
    after = "-"

    async def ask(client: Client) -> object:
        return await client.xrange(key, after, "+", PAGE)

    while page := await server.call(ask):
        assert isinstance(page, list)
        found += [CloudEvent.from_json(entry[FIELD]) for _, entry in page]
        after = f"({page[-1][0].decode()}"
    return found


def broken(committed: Iterable[tuple[str, str, int]], found: Sequence[CloudEvent]) -> list[str]:
    """Every promise that broke, one sentence each.

    `committed` are event id, user and sequence of what the outbox holds. Repetitions are dropped,
    as every reader does; what is left must be all of it, and each user's in order.
    """
    seen: set[str] = set()
    last: dict[str, int] = {}
    told = []
    for event in found:
        if event.id in seen:
            continue
        seen.add(event.id)
        if event.sequence <= last.get(event.user_id, 0):
            told.append(f"{event.user_id}: {event.sequence} came after {last[event.user_id]}")
        last[event.user_id] = event.sequence
    lost = [one for one in committed if one[0] not in seen]
    if lost:
        told.append(f"{len(lost)} events lost, such as {lost[0]}")
    return told


def repeated(found: Sequence[CloudEvent]) -> int:
    """How many entries are repetitions."""
    return len(found) - len({event.id for event in found})


@dataclass
class Bridge:
    """A bridge under way over a database, to one server."""

    db: DatabaseManager
    server: RedisServer
    system: ActorSystem
    clock: Clock
    keep: int = 100_000
    bridging: Bridging = field(default_factory=Bridging)
    published: list[float] = field(default_factory=list)
    ref: ActorRef[object] | None = None

    def begin(self) -> None:
        """Start the actor."""
        self.ref = self.system.spawn(self.actor, name="bridge")

    async def end(self) -> None:
        """Stop the actor; what it had in memory is gone."""
        assert self.ref is not None
        await self.ref.stop()

    def actor(self) -> RedisBridge:
        """A new incarnation."""
        return RedisBridge(
            self.db.bridge,
            self.server,
            self.bridging,
            keep=self.keep,
            clock=self.clock,
            published=self.published.append,
        )

    async def leave(self, people: Iterable[str] = PEOPLE, *, times: int = 1) -> None:
        """Commit an event for each of these people, `times` over."""
        rows = [
            (
                Statement.EVENT_ADD,
                (next(_ids), user, 1, "guessed", 1, "c", "", "", "{}", to_micros(self.clock())),
            )
            for _ in range(times)
            for user in people
        ]
        await self.db.writer.submit(rows, 0)

    async def committed(self) -> list[tuple[str, str, int]]:
        """What the outbox holds."""
        rows = await self.db.reader.rows("SELECT event_id, user_id, sequence FROM outbox_events")
        return [(row[0], row[1], row[2]) for row in rows]

    async def broken(self) -> list[str]:
        """Every promise that is broken now."""
        return broken(await self.committed(), await held(self.server))

    async def level(self, *, deadline: float = 30) -> None:
        """Wait until the streams hold everything, in order."""

        async def is_level() -> bool:
            try:
                return not await self.broken()
            except RedisAway:
                return False

        await until(is_level, deadline=deadline)

    async def remembered(self) -> None:
        """Wait until the bridge has noted that it delivered everything."""

        async def is_noted() -> bool:
            return await self.db.events.feed("redis").lag() == 0

        await until(is_noted)


@asynccontextmanager
async def bridge(
    path: Path, valkey: Valkey, *, clock: Clock | None = None, url: str = "", keep: int = 100_000
) -> AsyncIterator[Bridge]:
    """A bridge over the database at `path` that has not begun."""
    clock = clock or Clock()
    async with (
        running(path, clock) as db,
        reaching(url or valkey.url, valkey.password) as server,
        ActorSystem() as system,
    ):
        yield Bridge(db, server, system, clock, keep)
