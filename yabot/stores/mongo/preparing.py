"""Makes the collections of the document server, or verifies those that are there.

The rule: what is missing is made, what is equal is left alone, and what differs is never changed:
it is shown, and a person decides. Where everything is equal no right to write is needed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import orjson

from yabot.errors import StoreUnavailable
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.collections import COLLECTIONS, Collection, Index
from yabot.stores.mongo.errors import CommandRefused, SchemaDifference
from yabot.stores.mongo.writes import Document

LOOKS = 3
"""Times to look: what is made is looked at again, and another process may be making it too."""

MADE_MEANWHILE = frozenset({48, 85, 86})
"""Codes of a collection or an index that is there already; the next look judges it."""

DEFAULTS: Document = {"validationLevel": "strict", "validationAction": "error"}
INDEX_FORM = frozenset({"v", "ns", "name", "key", "background"})
"""What an index says of itself beyond what it demands of documents."""


@dataclass
class _Look:
    """What was seen at a server: commands that make what is missing, and what can't be."""

    missing: list[Document] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


async def prepare(database: MongoDatabase) -> None:
    """Bring every collection to its shape.

    Raises SchemaDifference, before anything is made, and StoreUnavailable.
    """
    for _ in range(LOOKS):
        look = await _look(database)
        if look.problems:
            raise SchemaDifference(look.problems)
        if not look.missing:
            return
        for command in look.missing:
            await _make(database, command)
    raise StoreUnavailable(f"MongoDB at {database.address}: its collections change all the time")


async def _make(database: MongoDatabase, command: Document) -> None:
    try:
        await database.command(command)
    except CommandRefused as error:
        if error.code not in MADE_MEANWHILE:
            raise


async def _look(database: MongoDatabase) -> _Look:
    look = _Look()
    names = [collection.name for collection in COLLECTIONS]
    found = await database.command({"listCollections": 1, "filter": {"name": {"$in": names}}})
    there = {str(one["name"]): one for one in _batch(found)}
    for collection in COLLECTIONS:
        where = f"MongoDB {database.name}.{collection.name}"
        if collection.name not in there:
            look.missing.append({"create": collection.name, "validator": collection.validator})
            look.missing += _making(collection, collection.indexes)
            continue
        theirs = cast(Document, there[collection.name].get("options", {}))
        if theirs.get("validator"):
            look.problems += _other_validator(where, collection, theirs)
        elif await database.find(collection.name, {"$nor": [collection.validator]}):
            look.problems.append(
                f"{where}: holds documents that are not this program's; "
                "set MONGODB_DATABASE to a database of its own"
            )
        else:
            look.missing.append({"collMod": collection.name, "validator": collection.validator})
        indexes = _batch(await database.command({"listIndexes": collection.name}))
        look.problems += _other_indexes(where, collection, indexes)
        look.missing += _making(collection, _missing(collection, indexes))
    return look


def _batch(answer: Document) -> list[Document]:
    """All that a listing gives: it is short, so its first batch is the whole."""
    return cast(list[Document], cast(Document, answer["cursor"])["firstBatch"])


def _making(collection: Collection, indexes: tuple[Index, ...]) -> Iterator[Document]:
    if indexes:
        made = [index.specification() for index in indexes]
        yield {"createIndexes": collection.name, "indexes": made}


def _missing(collection: Collection, there: list[Document]) -> tuple[Index, ...]:
    return tuple(index for index in collection.indexes if not _alike(index, there))


def _alike(index: Index, there: list[Document]) -> list[Document]:
    """The indexes there that have its name or its fields."""
    return [one for one in there if one["name"] == index.name or _fields(one) == index.fields]


def _fields(index: Document) -> tuple[object, ...]:
    key = cast(Mapping[str, object], index["key"])
    return tuple(name if order == 1 else (name, order) for name, order in key.items())


def _demands(index: Document) -> dict[str, object]:
    """What an index demands beyond its fields, without what says nothing."""
    return {name: value for name, value in index.items() if name not in INDEX_FORM and value}


def _other_indexes(where: str, collection: Collection, there: list[Document]) -> Iterator[str]:
    for index in collection.indexes:
        ours = (index.fields, _demands(index.specification()))
        alike = _alike(index, there)
        if alike and ours not in [(_fields(one), _demands(one)) for one in alike]:
            for one in alike:
                shown = {"key": one["key"], **_demands(one)}
                made = {"key": index.specification()["key"], **_demands(index.specification())}
                yield (
                    f"{where}: index {one['name']} is {_json(shown)} there, {_json(made)} here; "
                    f"drop it there and start again, or set MONGODB_DATABASE to another database"
                )


def _other_validator(where: str, collection: Collection, theirs: Document) -> Iterator[str]:
    validator = cast(Document, theirs["validator"])
    lines = list(_differences(collection.validator, validator, "validator"))
    rules = {name: theirs.get(name, usual) for name, usual in DEFAULTS.items()}
    lines += _differences(DEFAULTS, rules, "")
    yield from (f"{where}: {line}" for line in lines)
    if lines:
        emptied = f'db.runCommand({{collMod: "{collection.name}", validator: {{}}}})'
        yield (
            f"{where}: to have it made anew, run {emptied} there and start again; "
            "otherwise set MONGODB_DATABASE to another database"
        )


def _differences(ours: Document, theirs: Document, path: str) -> Iterator[str]:
    """A line for each place in which two documents differ."""
    for name in dict.fromkeys([*ours, *theirs]):
        place = f"{path}.{name}".lstrip(".")
        mine, other = ours.get(name), theirs.get(name)
        if isinstance(mine, Mapping) and isinstance(other, Mapping):
            yield from _differences(mine, other, place)
        elif mine != other:
            yield f"{place} is {_json(other)} there, {_json(mine)} here"


def _json(value: object) -> str:
    return "missing" if value is None else orjson.dumps(value, default=str).decode()
