"""Reads `items.toml` of a content folder.

The rule: as with the story, everything that is wrong is told at once.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from yabot.content.tables import Unreadable, read_tables
from yabot.domain.items import Item

FILE = "items.toml"


def read_items(folder: Path) -> tuple[dict[str, Item], list[str]]:
    """The items of a folder by their id, and what is wrong with them; a folder may have none."""
    file = folder / FILE
    if not file.exists():
        return {}, []
    try:
        tables = read_tables(file, FILE)
    except Unreadable as error:
        return {}, [str(error)]
    items: dict[str, Item] = {}
    wrong: list[str] = []
    for item_id, table in tables.items():
        try:
            items[item_id] = _item(item_id, table)
        except ValidationError as error:
            wrong += (f"{FILE}: item {item_id!r}: {line}" for line in _lines(error))
    return items, wrong


def _item(item_id: str, table: object) -> Item:
    given: Mapping[str, object] = table if isinstance(table, dict) else {"": table}
    return Item.model_validate({**given, "item_id": item_id})


def _lines(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in detail["loc"])
        yield f"{where or 'it'}: {detail['msg'][:1].lower()}{detail['msg'][1:]}; correct it"
