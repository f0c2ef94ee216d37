"""SqliteContent: all or nothing, and the same when it is loaded again."""

from pathlib import Path

import pytest

from tests.stores.running import Clock, Trouble, query
from yabot.content.loader import load_content, load_story
from yabot.stores.database import DatabaseManager

pytestmark = pytest.mark.anyio


async def test_a_story_is_loaded_as_it_was_saved(db: DatabaseManager) -> None:
    assert await db.content.load_story() is None
    story = load_story()
    await db.content.save_story(story)
    await db.content.save_story(story)
    assert await db.content.load_story() == story


async def test_saving_items_replaces_them(db: DatabaseManager) -> None:
    assert await db.content.load_items() == {}
    besito = {"item_id": "besito_001", "name": "Besito", "metadata": {"emoji": "😘"}}
    await db.content.save_items({"besito_001": besito, "old": {}})
    await db.content.save_items({"besito_001": besito})
    assert await db.content.load_items() == {"besito_001": besito}


async def test_the_content_is_there_before_anything_runs_and_is_replaced_by_the_next_start(
    path: Path, clock: Clock
) -> None:
    content = load_content()
    database = DatabaseManager(path, clock=clock)
    await database.connect_all()
    await database.install(*content)
    assert await database.content.load_story() == content.story
    (besito,) = (await database.content.load_items()).values()
    assert besito["created_at"] == "2025-01-15T08:00:00Z"
    batches = database.writer.statistics().batches
    await database.install(*content)
    assert database.writer.statistics().batches == batches
    await database.close()

    database = DatabaseManager(path, clock=clock)
    await database.connect_all()
    await database.install(content.story, {})
    await database.close()
    assert query(path, "SELECT * FROM items") == []


async def test_a_database_that_can_not_be_written_keeps_the_content_it_has(
    path: Path, clock: Clock
) -> None:
    trouble = Trouble()
    database = DatabaseManager(path, clock=clock, connector=trouble.connect)
    await database.connect_all()
    trouble.commit_fails = 1
    await database.install(*load_content())
    assert await database.content.load_story() is None
    await database.install(*load_content())
    assert await database.content.load_story() == load_story()
    await database.close()
