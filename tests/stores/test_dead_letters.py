"""SqliteDeadLetters: kept until a person has looked at them."""

import pytest

from tests.stores.running import Clock
from yabot.stores.database import DatabaseManager
from yabot.users.ports import DeadLetter

pytestmark = pytest.mark.anyio


async def test_letters_are_listed_shown_and_discarded(db: DatabaseManager, clock: Clock) -> None:
    letters = [DeadLetter("update", f"tg:7:{n}", "1", "ValueError: ¿?", b"{}") for n in range(3)]
    for letter in letters:
        await db.dead_letters.add(letter)
    assert await db.dead_letters.count() == 3
    page = await db.dead_letters.page(limit=2)
    assert [kept.letter for kept in page] == letters[:2]
    assert [kept.letter for kept in await db.dead_letters.page(page[-1].id)] == letters[2:]
    shown = await db.dead_letters.get(page[0].id)
    assert shown == page[0]
    assert shown.at == clock()
    await db.dead_letters.discard(page[0].id)
    assert await db.dead_letters.get(page[0].id) is None
    assert await db.dead_letters.count() == 2
