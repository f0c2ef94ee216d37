"""Collections are made where they are missing, left where they are equal, and never changed."""

import anyio
import pytest

from tests.servers.secantus import fresh_database
from yabot.stores.mongo.address import Driver
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.collections import COLLECTIONS, USERS
from yabot.stores.mongo.errors import SchemaDifference
from yabot.stores.mongo.preparing import prepare
from yabot.stores.mongo.writes import Document, Write

pytestmark = pytest.mark.anyio


async def names(database: MongoDatabase) -> set[object]:
    found = await database.command({"listCollections": 1, "nameOnly": True})
    cursor = found["cursor"]
    assert isinstance(cursor, dict)
    return {one["name"] for one in cursor["firstBatch"]}


async def index_names(database: MongoDatabase, collection: str) -> set[object]:
    found = await database.command({"listIndexes": collection})
    cursor = found["cursor"]
    assert isinstance(cursor, dict)
    return {one["name"] for one in cursor["firstBatch"]}


async def problems(database: MongoDatabase) -> list[str]:
    with pytest.raises(SchemaDifference) as different:
        await prepare(database)
    return different.value.problems


async def test_a_fresh_database_gets_every_collection_and_index(database: MongoDatabase) -> None:
    await prepare(database)
    assert await names(database) == {collection.name for collection in COLLECTIONS}
    for collection in COLLECTIONS:
        made = {"_id_", *(index.name for index in collection.indexes)}
        assert await index_names(database, collection.name) == made


async def test_what_is_there_is_left_alone(database: MongoDatabase) -> None:
    await prepare(database)
    await prepare(database)
    assert await names(database) == {collection.name for collection in COLLECTIONS}


async def test_many_that_start_at_once_agree(mongo_uri: str, driver: Driver) -> None:
    async with fresh_database(mongo_uri, driver) as database:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(prepare, database)
        await prepare(database)


async def test_an_index_that_is_missing_is_made_and_one_more_is_no_trouble(
    database: MongoDatabase,
) -> None:
    await prepare(database)
    await database.command({"dropIndexes": "users", "index": "updated_at"})
    more = [{"name": "operators_own", "key": {"preferences.language": 1}}]
    await database.command({"createIndexes": "users", "indexes": more})
    await prepare(database)
    assert {"updated_at", "operators_own"} <= await index_names(database, "users")


async def test_an_equal_index_of_another_name_will_do(database: MongoDatabase) -> None:
    await database.command({"create": "items", "validator": _validator("items")})
    other = [{"name": "by_id", "key": {"item_id": 1}, "unique": True}]
    await database.command({"createIndexes": "items", "indexes": other})
    await prepare(database)
    assert await index_names(database, "items") == {"_id_", "by_id", "type"}


@pytest.mark.parametrize(
    ("index", "told"),
    [
        ({"name": "user_id", "key": {"user_id": 1}}, 'is {"key":{"user_id":1}} there'),
        ({"name": "updated_at", "key": {"updated_at": -1}}, '{"updated_at":-1}'),
        (
            {"name": "mine", "key": {"updated_at": 1}, "expireAfterSeconds": 60},
            "expireAfterSeconds",
        ),
    ],
    ids=["not unique", "another order", "documents expire"],
)
async def test_an_index_that_differs_is_shown_and_nothing_is_made(
    database: MongoDatabase, index: Document, told: str
) -> None:
    await database.command({"create": "users", "validator": USERS.validator})
    await database.command({"createIndexes": "users", "indexes": [index]})
    (line,) = await problems(database)
    assert line.startswith(f"MongoDB {database.name}.users: index {index['name']} ")
    assert told in line
    assert "drop it" in line
    assert await names(database) == {"users"}


async def test_a_validator_that_differs_is_shown_place_by_place(database: MongoDatabase) -> None:
    theirs = {
        "$jsonSchema": {
            "bsonType": "object",
            "required": ["_id", "item_id"],
            "properties": {"item_id": {"bsonType": "int"}, "created_at": {"bsonType": "date"}},
        }
    }
    await database.command({"create": "items", "validator": theirs, "validationAction": "warn"})
    lines = await problems(database)
    where = f"MongoDB {database.name}.items: "
    assert lines[:-1] == [
        where + 'validator.$jsonSchema.required is ["_id","item_id"] there, '
        '["_id","item_id","created_at"] here',
        where + 'validator.$jsonSchema.properties.item_id.bsonType is "int" there, "string" here',
        where + 'validator.$jsonSchema.properties.created_at.bsonType is "date" there, '
        '"string" here',
        where
        + "validator.$jsonSchema.properties.created_at.pattern is missing there, "
        + lines[3].rpartition("there, ")[2],
        where + 'validationAction is "warn" there, "error" here',
    ]
    assert 'collMod: "items", validator: {}' in lines[-1]
    assert await names(database) == {"items"}


async def test_a_collection_without_a_validator_gets_ours_when_its_documents_fit(
    database: MongoDatabase,
) -> None:
    tombstone = {"_id": "1", "user_id": "1", "epoch": 1, "version": 1, "deleted_at": "2026-01-02T"}
    fitting = {**tombstone, "deleted_at": "2026-11-22T12:00:00Z"}
    await database.write("users", [Write({"_id": "1"}, fitting)])
    await prepare(database)
    refused = await database.write("users", [Write({"_id": "1"}, tombstone)])
    assert [one.code for one in refused] == [121]


async def test_a_collection_of_somebody_else_is_refused(database: MongoDatabase) -> None:
    await database.write("users", [Write({"_id": 7}, {"_id": 7, "name": "Ana"})])
    (line,) = await problems(database)
    assert "not this program's" in line
    assert "MONGODB_DATABASE" in line
    assert await names(database) == {"users"}


async def test_a_user_under_the_id_of_another_is_refused(database: MongoDatabase) -> None:
    await prepare(database)
    other = {
        "_id": "1",
        "user_id": "2",
        "epoch": 1,
        "version": 1,
        "deleted_at": "2026-11-22T12:00:00Z",
    }
    refused = await database.write("users", [Write({"_id": "1"}, other)])
    assert [one.code for one in refused] == [121]


def _validator(name: str) -> Document:
    return next(one.validator for one in COLLECTIONS if one.name == name)
