"""A group of processes that handle the events of streams, and events to give them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import anyio

from actors import ActorSystem
from supervision import Report, Reports, Tree, run_tree
from tests.servers.valkey import Valkey, reaching
from yabot.events.base import BaseEvent
from yabot.events.delivery import EVERY_EVENT
from yabot.events.envelope import CloudEvent
from yabot.events.group_memory import GroupLetters
from yabot.events.ordering import Limits
from yabot.events.processor import EVENTS, EventProcessor
from yabot.events.reader import Letters, Source
from yabot.events.redis import Client, RedisServer
from yabot.events.streams import FIELD, partition_of, stream_key
from yabot.users.ports import DeadLetter

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PEOPLE = tuple(map(str, range(1, 21)))

_ids = count(1)


def event(
    user: str, sequence: int, *, name: str = "guessed", version: int = 1, epoch: int = 1
) -> CloudEvent:
    """An event of a user."""
    return CloudEvent(
        id=f"e-{next(_ids)}",
        type=f"yabot.user.{name}.v{version}",
        time=NOW,
        subject=user,
        sequence=sequence,
        epoch=epoch,
        data={"n": sequence},
    )


@dataclass
class Streams:
    """The streams of one server, to which a test adds."""

    server: RedisServer

    async def add(self, *events: CloudEvent) -> None:
        """Append events to the streams of their users."""
        for one in events:
            await self.add_raw(stream_key(partition_of(one.user_id)), one.to_json())

    async def add_raw(self, key: str, body: bytes) -> None:
        """Append an entry."""

        async def ask(client: Client) -> object:
            return await client.xadd(key, {FIELD: body})

        await self.server.call(ask)

    async def fill(self, people: Sequence[str] = PEOPLE, *, first: int = 1, times: int = 5) -> None:
        """Append the next events of these people."""
        for sequence in range(first, first + times):
            await self.add(*(event(user, sequence) for user in people))

    async def pending(self, group: str) -> int:
        """How many entries the group has read and not settled."""

        async def ask(client: Client) -> list[dict[str, object]]:
            found: list[dict[str, object]] = []
            for source in EVENTS:
                if await client.exists(source.key):
                    found += await client.xinfo_groups(source.key)
            return found

        groups = await self.server.call(ask)
        return sum(int(str(one["pending"])) for one in groups if one["name"] == group.encode())


@dataclass
class Heard:
    """A handler that remembers; `failing` makes it raise, `holding` makes it wait."""

    got: list[tuple[str, int]] = field(default_factory=list)
    failing: Callable[[BaseEvent], bool] = lambda _event: False
    holding: anyio.Event | None = None
    entered: int = 0

    async def __call__(self, event: BaseEvent) -> None:
        self.entered += 1
        if self.holding is not None:
            await self.holding.wait()
        if self.failing(event):
            raise ValueError("not today")
        self.got.append((event.user_id or "", event.sequence))

    def of(self, user: str) -> list[int]:
        """The numbers of a user's events, in the order in which they were handled."""
        return [sequence for user_id, sequence in self.got if user_id == user]


def is_in_order(heard: Heard, last: int) -> bool:
    """Whether everybody's events up to `last` were handled, each once and in order."""
    return all(heard.of(user) == list(range(1, last + 1)) for user in PEOPLE)


@dataclass
class Process:
    """One process of a group, under way."""

    processor: EventProcessor
    reports: list[Report]
    system: ActorSystem
    tree: Tree


@asynccontextmanager
async def process(
    valkey: Valkey,
    handler: Heard,
    *,
    group: str = "g",
    name: str = EVERY_EVENT,
    sources: Sequence[Source] = EVENTS,
    letters: Letters | None = None,
    limits: Limits | None = None,
    url: str = "",
) -> AsyncIterator[Process]:
    """A process of a group with one handler, stopped in order at the end."""
    reports = Reports()
    told: list[Report] = []
    reports.observe(told.append)
    async with reaching(url or valkey.url, valkey.password) as server:
        processor = EventProcessor(
            server, group, sources=sources, letters=letters, report=reports.add, limits=limits
        )
        processor.subscribe(name, handler)
        async with (
            ActorSystem(group) as system,
            run_tree(system, processor.branch(), reports=reports) as tree,
        ):
            yield Process(processor, told, system, tree)


async def dead_letters(server: RedisServer, group: str = "g") -> list[DeadLetter]:
    """What the group has given up."""
    return [one.letter for one in await GroupLetters(server, group).page()]
