"""A street whose bot brings its documents to MongoDB, and what the server must hold in the end.

The rule: the copy is held to the bot's file, never to what the bot says of itself.
"""

import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import anyio
import orjson
from pydantic import SecretStr

from tests.faults.audit import opened, waiting
from tests.faults.crowd import PATIENCE
from tests.faults.street import Street, street
from tests.forks import Entry
from tests.processes import yabot
from tests.servers.secantus import Secantus
from tests.waiting import until
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.address import MongoConfig
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.documents import MongoDocuments

LEVEL_WITHIN = 30.0
"""Seconds from the return of the server until it has everything."""

UP = 1.5
DOWN = 1.5
"""Seconds for which a server that is killed often is there and away, at most."""

Places = dict[str, tuple[int, int]]

HERE = """
    SELECT d.user_id, meta.epoch, d.version, d.document, p.user_id IS NOT NULL
    FROM user_documents d LEFT JOIN user_profiles p ON p.user_id = d.user_id, meta"""


@dataclass
class Town(Street):
    """What a test acts on. `levelled` is how many seconds the last wait for a level copy took."""

    server: Secantus
    database: MongoDatabase
    outages: int = field(default=0, init=False)
    levelled: float = field(default=0.0, init=False)

    def here(self) -> Places:
        """Who is in the bot's database, in which version, in its present epoch."""
        return {user_id: (epoch, version) for user_id, epoch, version, _, _ in self._rows()}

    def unanswered(self) -> int:
        """How many updates wait in the bot's inbox."""
        return self._count("SELECT count(*) FROM inbox WHERE processed_at IS NULL")

    async def there(self) -> Places:
        """Who is in MongoDB, in which version."""
        found = await self.documents.scan(None, 1_000)
        return {user_id: (epoch, version) for user_id, epoch, version in found}

    @property
    def documents(self) -> MongoDocuments:
        """The copies, as any other reader finds them."""
        return MongoDocuments(self.database, lambda: datetime.now(UTC))

    async def level(self) -> None:
        """Wait until both hold the same."""
        began = time.monotonic()
        await until(self.is_level, deadline=LEVEL_WITHIN)
        self.levelled = time.monotonic() - began

    async def is_level(self) -> bool:
        """Whether both hold the same."""
        try:
            return await self.there() == self.here()
        except StoreUnavailable:
            return False

    def has_asked(self) -> bool:
        """Whether anybody has a connection to the server, as /proc tells."""
        there = f":{self.server.port:04X}"
        rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return any(row.split()[2].endswith(there) and row.split()[3] == "01" for row in rows)

    async def die_often(self, kills: int, rng: random.Random) -> None:
        """kill -9 of the server, that often; it is there in the end."""
        for _ in range(kills):
            await anyio.sleep(rng.uniform(0, UP))
            await self.server.kill()
            await anyio.sleep(rng.uniform(0, DOWN))
            await self.server.restart()
            self.outages += 1

    async def verdict(self) -> list[str]:
        """As on every street; and the copy must be level in time, and then equal in everything."""
        with suppress(AssertionError):
            await until(lambda: not waiting(self.bot.database), deadline=self.crowd.patience)
        broken = []
        try:
            await self.level()
        except AssertionError:
            broken.append(f"MongoDB has not got everything within {LEVEL_WITHIN:.0f} s")
        return broken + await super().verdict() + await self.differences()

    async def differences(self) -> list[str]:
        """In what the copy and the bot's database differ, one sentence for each user."""
        rows = self._rows()
        strangers = set(await self.there()) - {user_id for user_id, *_ in rows}
        found = [f"{user_id}: in MongoDB only" for user_id in sorted(strangers)]
        for user_id, epoch, version, document, has_profile in rows:
            if has_profile != (document is not None):
                found.append(f"{user_id}: a profile without a document, or the reverse")
            copy = await self.documents.get(user_id)
            if copy is None:
                found.append(f"{user_id}: not in MongoDB")
            elif (copy.epoch, copy.version) != (epoch, version):
                found.append(f"{user_id}: {copy.epoch, copy.version} there, {epoch, version} here")
            elif _value(copy.body) != _value(document):
                found.append(f"{user_id}: another document in MongoDB under one version")
        return found

    def _rows(self) -> Sequence[tuple[str, int, int, str | None, bool]]:
        with closing(opened(self.bot.database)) as db:
            return [(*row[:4], bool(row[4])) for row in db.execute(HERE)]


def _value(document: str | bytes | None) -> object:
    return orjson.loads(document) if document is not None else None


@asynccontextmanager
async def town(
    folder: Path,
    mode: str = "polling",
    *,
    people: int = 10,
    seed: int = 1,
    redelivery: float = 0.0,
    patience: float = PATIENCE,
    entry: Entry = yabot,
) -> AsyncIterator[Town]:
    """Telegram with people in it; neither MongoDB nor the bot runs yet."""
    server = Secantus(folder / "mongo")
    database = MongoDatabase(MongoConfig(SecretStr(server.uri), "yabot"))
    settings = {"MONGODB_URI": server.uri, "MONGODB_DATABASE": "yabot"}
    place = street(
        folder,
        mode,
        people=people,
        seed=seed,
        redelivery=redelivery,
        patience=patience,
        entry=entry,
        settings=settings,
    )
    async with place as it:
        try:
            yield Town(it.sandbox, it.bot, it.crowd, server, database)
        finally:
            await database.close()
            server.end()
