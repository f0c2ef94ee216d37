"""The commands for dead letters: list, show, replay, discard.

The rule: looking needs no bot, it reads the file. What changes something is done by the bot that
runs, asked by its API; where none runs, the command becomes the database's owner for as long as it
takes. Letters of groups in other processes stand in Redis, and their ids name the group.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio
import orjson

from actors import ActorSystem
from yabot.api.dead_letters import DEAD_LETTERS
from yabot.api.scopes import OPS_WRITE
from yabot.commands.backups import connector_of
from yabot.commands.identities import ask
from yabot.config import ConfigManager
from yabot.errors import ConfigError, StoreUnavailable, YabotError
from yabot.events.group_memory import GroupLetter, GroupLetters
from yabot.events.processor import EVENTS
from yabot.events.redis import RedisServer, connect
from yabot.events.stream_group import lags
from yabot.events.streams import EXTERNAL_STREAM
from yabot.stores.connections import open_reading, open_writing
from yabot.stores.database import DatabaseManager
from yabot.stores.dead_letters import SqliteDeadLetters
from yabot.stores.opening import problem
from yabot.stores.reader import Reader
from yabot.stores.replays import Replays
from yabot.stores.writer import Writer
from yabot.users.ports import DeadLetter

T = TypeVar("T")

WIDE = 100
"""Characters of an error in a list; `show` has all of it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A dead letter with the id by which commands know it."""

    id: str
    letter: DeadLetter
    at: datetime

    def line(self) -> str:
        """The letter in a list."""
        letter = self.letter
        error = " ".join(letter.error.split())
        short = error if len(error) <= WIDE else f"{error[: WIDE - 1]}…"
        return f"{self.id:>6}  {letter.kind:8}  {_time(self.at)}  {letter.user_id:>12}  {short}"

    def value(self) -> dict[str, object]:
        """The letter as JSON."""
        letter = self.letter
        about = {"id": self.id, "kind": letter.kind, "key": letter.key, "user_id": letter.user_id}
        return {**about, "at": self.at.isoformat(), "error": letter.error, "body": self._body()}

    def text(self) -> str:
        """All of the letter, for a person."""
        letter = self.letter
        body = orjson.dumps(self._body(), option=orjson.OPT_INDENT_2).decode()
        return (
            f"{letter.kind} {letter.key} of {letter.user_id}, set aside {_time(self.at)}\n\n"
            f"{letter.error}\n\n{body}"
        )

    def _body(self) -> object:
        try:
            return orjson.loads(self.letter.body)
        except orjson.JSONDecodeError:
            return self.letter.body.decode(errors="replace")


def list_letters(config: ConfigManager, kind: str | None, limit: int) -> Sequence[Shown]:
    """The oldest letters, of one kind or of all. Raises ConfigError."""

    async def work() -> list[Shown]:
        found = [
            Shown(str(stored.id), stored.letter, stored.at)
            for stored in await _in_file(config, lambda file: file.page(limit=limit, kind=kind))
        ]
        return (found + await _in_streams(config, kind, limit - len(found)))[:limit]

    return _run(config, work)


def find_letter(config: ConfigManager, letter_id: str) -> Shown:
    """One letter. Raises ConfigError."""

    async def work() -> Shown | None:
        if "/" in letter_id:
            group, _, entry = letter_id.partition("/")
            async with _redis(config) as server:
                one = await GroupLetters(server, group).get(entry)
            return None if one is None else _of_group(group, one)
        stored = await _in_file(config, lambda file: file.get(_number(letter_id)))
        return None if stored is None else Shown(letter_id, stored.letter, stored.at)

    found = _run(config, work)
    if found is None:
        raise _unknown(letter_id)
    return found


def replay_letter(config: ConfigManager, letter_id: str) -> None:
    """Send a letter back to where it came from. Raises ConfigError."""
    if "/" in letter_id:
        _in_group(config, letter_id, GroupLetters.replay)
        return
    number = _number(letter_id)
    if ask(config, "POST", f"{DEAD_LETTERS}/{number}/replay", scope=OPS_WRITE) is None:
        _locally(config, lambda replays: replays.replay(number))


def discard_letter(config: ConfigManager, letter_id: str) -> None:
    """Remove a letter for good. Raises ConfigError."""
    if "/" in letter_id:
        _in_group(config, letter_id, GroupLetters.discard)
        return
    number = _number(letter_id)
    if ask(config, "DELETE", f"{DEAD_LETTERS}/{number}", scope=OPS_WRITE) is None:
        _locally(config, lambda replays: replays.discard(number))


def listed(letters: Iterable[Shown]) -> str:
    """A line for each."""
    return "\n".join(one.line() for one in letters) or "there are no dead letters"


async def _in_file(config: ConfigManager, look: Callable[[SqliteDeadLetters], Awaitable[T]]) -> T:
    """Look into the database without changing it."""
    database = config.get_database_config()
    path, connector = database.sqlite_path, connector_of(database)
    if not await anyio.Path(path).exists():
        raise ConfigError([f"SQLITE_DATABASE_PATH: there is no database at {path} yet"])
    reader = Reader(partial(open_reading, path, connector))
    try:
        return await look(
            SqliteDeadLetters(Writer(partial(open_writing, path, connector)), reader, _now)
        )
    finally:
        await reader.close()


async def _in_streams(config: ConfigManager, kind: str | None, limit: int) -> list[Shown]:
    """The letters of groups in other processes; none without REDIS_URL."""
    if config.get_redis_config().url is None or kind not in (None, "event"):
        return []
    found: list[Shown] = []
    async with _redis(config) as server:
        for group in await lags(server, [EXTERNAL_STREAM, *(source.key for source in EVENTS)]):
            letters, after = GroupLetters(server, group), "-"
            while page := await letters.page(after):
                after = page[-1].id
                found += [_of_group(group, one) for one in page]
                if len(found) >= limit:
                    return found
    return found


def _in_group(
    config: ConfigManager,
    letter_id: str,
    work: Callable[[GroupLetters, str], Awaitable[bool]],
) -> None:
    group, _, entry = letter_id.partition("/")

    async def run() -> None:
        async with _redis(config) as server:
            if not await work(GroupLetters(server, group), entry):
                raise _unknown(letter_id)

    _run(config, run)


def _locally(config: ConfigManager, work: Callable[[Replays], Awaitable[object]]) -> None:
    """Do it on the file, as its owner."""
    database = config.get_database_config()

    async def run() -> None:
        manager = DatabaseManager(
            database.sqlite_path, clock=_now, connector=connector_of(database)
        )
        try:
            await manager.connect_all()
            async with ActorSystem() as system:
                system.spawn(manager.writer_actor, name="writer")
                await work(manager.replays)
        finally:
            await manager.close()

    _run(config, run)


def _run(config: ConfigManager, work: Callable[[], Awaitable[T]]) -> T:
    """Do it, and tell what went wrong as one line."""
    try:
        return anyio.run(work)
    except ConfigError:
        raise
    except (OSError, sqlite3.Error) as error:
        raise problem(config.get_database_config().sqlite_path, error) from error
    except StoreUnavailable as error:
        raise ConfigError([f"the letters can't be reached: {error}"]) from error
    except YabotError as error:
        raise ConfigError([str(error)]) from error


@asynccontextmanager
async def _redis(config: ConfigManager) -> AsyncIterator[RedisServer]:
    redis = config.get_redis_config()
    if redis.url is None:
        raise ConfigError(["REDIS_URL is not set, so there are no letters of other processes"])
    server = connect(redis.url, redis.password)
    try:
        yield server
    finally:
        await server.close()


def _number(letter_id: str) -> int:
    if not letter_id.isascii() or not letter_id.isdigit() or len(letter_id) > 18:
        raise _unknown(letter_id)
    return int(letter_id)


def _unknown(letter_id: str) -> ConfigError:
    return ConfigError([f"there is no dead letter {letter_id}; see `yabot dead-letters list`"])


def _of_group(group: str, one: GroupLetter) -> Shown:
    """A letter in a stream, whose id begins with the milliseconds when it came."""
    at = datetime.fromtimestamp(int(one.id.partition("-")[0]) / 1000, UTC)
    return Shown(f"{group}/{one.id}", one.letter, at)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _now() -> datetime:
    return datetime.now(UTC)
