"""Which keys were processed: what is told without asking the disk, and what is not."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.stores.running import Clock, running
from tests.stores.turns import earn, registration, take_turn
from yabot.stores import known_keys
from yabot.stores.bloom import BloomFilter
from yabot.stores.database import DatabaseManager
from yabot.stores.known_keys import KnownKeys
from yabot.users.ports import Answer

pytestmark = pytest.mark.anyio

ANSWER = Answer("print", b'{"answer":1}')


class Watched:
    """A reader that tells what it is asked, and what happens after each answer."""

    def __init__(self, db: DatabaseManager, after: Callable[[], Awaitable[None]]) -> None:
        self._reader = db.reader
        self._after = after
        self.asked: list[str] = []

    async def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        self.asked.append(sql)
        found = await self._reader.rows(sql, *parameters)
        await self._after()
        return found


def watched(db: DatabaseManager, after: Callable[[], Awaitable[None]]) -> tuple[KnownKeys, Watched]:
    reader = Watched(db, after)
    return KnownKeys(db.writer, reader), reader


async def nothing() -> None:
    """What happens where nothing does."""


async def process(db: DatabaseManager, clock: Clock, *keys: str) -> None:
    """Take a turn under each of these keys."""
    if (await db.users.load("1")).user is None:
        await take_turn(db.users, "1", clock(), registration("1"))
    for key in keys:
        await take_turn(db.users, "1", clock(), earn(1), key=key, answer=ANSWER)


def held(keys: KnownKeys, asked: Sequence[str]) -> list[str]:
    return [key for key in asked if key in keys]


def test_a_member_of_a_filter_is_never_forgotten() -> None:
    members = [f"api:client:route:{n}" for n in range(20_000)]
    made = BloomFilter(len(members))
    for member in members:
        made.add(member)
    assert all(member in made for member in members)
    assert not made.full


def test_a_full_filter_takes_few_strangers_for_members() -> None:
    made = BloomFilter(20_000)
    for n in range(20_000):
        made.add(f"member {n}")
    assert sum(f"stranger {n}" in made for n in range(20_000)) < 200


def test_a_filter_tells_when_more_have_come_than_it_was_made_for() -> None:
    made = BloomFilter(2)
    for n in range(3):
        assert not made.full
        made.add(str(n))
    assert made.full


async def test_any_key_may_be_known_until_they_were_read(db: DatabaseManager, clock: Clock) -> None:
    await process(db, clock, "a")
    assert held(db.users.keys, ["a", "never"]) == ["a", "never"]
    assert await db.users.answer("a") == ANSWER
    assert await db.users.answer("never") is None


async def test_a_new_key_is_new_without_a_query(db: DatabaseManager, clock: Clock) -> None:
    await process(db, clock, "before")
    await db.users.keys.refresh()
    await process(db, clock, "after")
    assert held(db.users.keys, ["before", "after", "never"]) == ["before", "after"]
    assert await db.users.answer("before") == await db.users.answer("after") == ANSWER
    await db.reader.close()
    assert await db.users.answer("never") is None


async def test_keys_from_before_a_start_are_known(path: Path, clock: Clock) -> None:
    async with running(path, clock) as db:
        await process(db, clock, *(f"key {n}" for n in range(20)))
    async with running(path, clock) as db:
        await db.users.keys.refresh()
        assert all(f"key {n}" in db.users.keys for n in range(20))
        assert "never" not in db.users.keys


async def test_what_is_processed_while_keys_are_read_is_known(
    db: DatabaseManager, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_keys, "ROWS", 2)
    await process(db, clock, *(f"key {n}" for n in range(5)))
    made: list[str] = []

    async def another() -> None:
        if len(made) < 10:
            made.append(f"meanwhile {len(made)}")
            await process(db, clock, made[-1])

    keys, reader = watched(db, another)
    await keys.refresh()
    assert len(reader.asked) > 3
    assert held(keys, made) == made
    assert held(keys, ["key 0", "key 4", "never"]) == ["key 0", "key 4"]


async def test_keys_are_read_again_only_when_more_have_come(
    db: DatabaseManager, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_keys, "FEWEST", 4)
    keys, reader = watched(db, nothing)
    await keys.refresh()
    asked = len(reader.asked)
    await process(db, clock, "1", "2", "3", "4")
    await keys.refresh()
    assert len(reader.asked) == asked
    await process(db, clock, "5")
    await keys.refresh()
    assert len(reader.asked) > asked
    assert held(keys, ["1", "5", "never"]) == ["1", "5"]


async def test_more_keys_than_fit_are_asked_for_each(
    db: DatabaseManager, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process(db, clock, "1", "2")
    monkeypatch.setattr(known_keys, "MOST", 3)
    await db.users.keys.refresh()
    assert "never" in db.users.keys
    assert await db.users.answer("never") is None


async def test_a_reading_that_fails_leaves_every_key_in_doubt(
    db: DatabaseManager, clock: Clock
) -> None:
    await process(db, clock, "1")

    async def fail() -> None:
        raise RuntimeError("the disk is gone")

    keys, _ = watched(db, fail)
    with pytest.raises(RuntimeError):
        await keys.refresh()
    assert "never" in keys
