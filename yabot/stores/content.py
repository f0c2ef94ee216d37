"""SqliteContent: the story and the items, as a whole; the bot holds them in memory."""

from collections.abc import Mapping

import orjson

from yabot.domain.story import Fragment, Story
from yabot.stores.reader import Reader
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.stores.writer import Writer

FRAGMENTS = "SELECT language, fragment_id, body FROM narrative_fragments"
ITEMS = "SELECT item_id, body FROM items"


class SqliteContent:
    """Saves and loads all content; a save replaces what was there, at once."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    async def replace(self, story: Story, items: Mapping[str, Mapping[str, object]]) -> None:
        """Save what differs from what is stored. Raises StoreUnavailable."""
        if await self.load_story() != story:
            await self.save_story(story)
        if await self.load_items() != items:
            await self.save_items(items)

    async def save_story(self, story: Story) -> None:
        """Replace the stored story. Raises StoreUnavailable."""
        rows: list[Row] = [(Statement.FRAGMENTS_CLEAR, ())]
        for language, fragments in story.fragments.items():
            for fragment_id, fragment in fragments.items():
                rows.append(
                    (Statement.FRAGMENT_ADD, (language, fragment_id, fragment.model_dump_json()))
                )
        await self._writer.submit(rows, 0)

    async def load_story(self) -> Story | None:
        """The stored story; None when there is none."""
        fragments: dict[str, dict[str, Fragment]] = {}
        for language, fragment_id, body in await self._reader.rows(FRAGMENTS):
            of_language = fragments.setdefault(language, {})
            of_language[fragment_id] = Fragment.model_validate_json(body)
        return Story.model_validate({"fragments": fragments}) if fragments else None

    async def save_items(self, items: Mapping[str, Mapping[str, object]]) -> None:
        """Replace the stored items, given by their id. Raises StoreUnavailable."""
        rows: list[Row] = [(Statement.ITEMS_CLEAR, ())]
        rows += [
            (Statement.ITEM_ADD, (key, orjson.dumps(item).decode())) for key, item in items.items()
        ]
        await self._writer.submit(rows, 0)

    async def load_items(self) -> Mapping[str, Mapping[str, object]]:
        """The stored items by their id."""
        return {key: orjson.loads(body) for key, body in await self._reader.rows(ITEMS)}
