"""SqliteContent: all or nothing, and the same when it is loaded again."""

import pytest

from yabot.content.loader import load_story
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
