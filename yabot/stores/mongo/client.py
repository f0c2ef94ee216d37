"""MongoDatabase: one database of a MongoDB server, by whichever driver is configured.

The rule: nothing else imports a driver. What leaves this module is plain documents and this
program's own errors, so which driver runs can't be told from outside.

A call that is cancelled, or that raises StoreUnavailable, may still happen at the server: PyMongo
drops the connection, Motor's thread goes on. So every write is one that may be repeated.
"""

import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol, cast

import anyio
import anyio.to_thread
import bson
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient, DeleteMany, ReplaceOne, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    InvalidName,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.uri_parser import split_options

from yabot.errors import ConfigError, StoreUnavailable
from yabot.stores.mongo.address import DATABASE, SECRETS, MongoConfig, modern, shown
from yabot.stores.mongo.errors import LOGIN_REFUSED, PASSING, UNFIT, meaning
from yabot.stores.mongo.writes import Document, Write, WriteRefused

OPTIONS: Mapping[str, int | str] = {
    "appname": "yabot",
    "minPoolSize": 5,
    "maxPoolSize": 50,
    "maxIdleTimeMS": 30_000,
    "socketTimeoutMS": 10_000,
    "connectTimeoutMS": 5_000,
    "serverSelectionTimeoutMS": 1_500,
    "waitQueueTimeoutMS": 2_000,
}
"""What a URI may override. A call gives up soon; to repeat it is its caller's."""

DURABLE = WriteConcern("majority", j=True, wtimeout=8_000)
"""Acknowledged means in the journals of a majority; given up before the socket is."""

PLACE_WAIT = 2.0
"""Seconds that a call may wait for one of the connections."""

MOST_CALLS = 50
"""Calls under way at once, where the URI does not say how many connections there may be."""

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest document that a server takes."""


class _Cursor(Protocol):
    def to_list(self, length: int) -> Awaitable[list[dict[str, object]]]: ...


class _Collection(Protocol):
    def find(self, where: Document, fields: object, /, *, sort: object, limit: int) -> _Cursor: ...
    def bulk_write(self, requests: object, *, ordered: bool) -> Awaitable[object]: ...


class _Database(Protocol):
    @property
    def name(self) -> str: ...
    def get_collection(self, name: str, *, write_concern: WriteConcern) -> _Collection: ...
    def command(self, command: Document) -> Awaitable[dict[str, object]]: ...


class _Client(Protocol):
    def get_database(self, name: str) -> _Database: ...
    def get_default_database(self, default: str) -> _Database: ...
    def close(self) -> object: ...


class _Driver(Protocol):
    def __call__(self, uri: str, **options: int | str) -> _Client: ...


class MongoDatabase:
    """Made inside the event loop that uses it, and closed once. `address` has no password in it.

    Making it raises ConfigError for a wrong address; the first call connects.
    """

    def __init__(self, config: MongoConfig) -> None:
        uri = modern(config.uri.get_secret_value())
        given = _options(uri)
        self._database, self._close = _open(config, uri, _own(given))
        self.name = self._database.name
        self.address = shown(uri)
        self._places = anyio.Semaphore(_calls(given), fast_acquire=True)

    async def command(self, command: Document) -> dict[str, object]:
        """Run a command of the database. Raises StoreUnavailable."""
        async with self._place():
            return await self._database.command(command)

    async def find(
        self,
        collection: str,
        where: Document,
        *,
        fields: Sequence[str] | None = None,
        limit: int = 1,
    ) -> list[dict[str, object]]:
        """The first documents that fit, by `_id`. Raises StoreUnavailable."""
        async with self._place():
            found = self._of(collection).find(where, fields, sort=[("_id", 1)], limit=limit)
            return await found.to_list(limit)

    async def write(
        self, collection: str, writes: Sequence[Write], *, ordered: bool = False
    ) -> Sequence[WriteRefused]:
        """Write durably, and return what is refused for good; an unordered bulk does all the rest.

        Raises StoreUnavailable, after which any of them may have been done.
        """
        refused: list[WriteRefused] = []
        places, requests = [], []
        for place, write in enumerate(writes):
            try:
                requests.append(_request(write))
                places.append(place)
            except (BSONError, OverflowError, ValueError) as error:
                refused.append(WriteRefused(place, UNFIT, str(error)))
        if requests:
            async with self._place():
                try:
                    await self._of(collection).bulk_write(requests, ordered=ordered)
                except BulkWriteError as error:
                    refused += _refusals(error, places)
        return refused

    async def close(self) -> None:
        """Close the connections; a call that comes later raises StoreUnavailable."""
        await self._close()

    def _of(self, collection: str) -> _Collection:
        return self._database.get_collection(collection, write_concern=DURABLE)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the calls that may be under way, and what the driver's errors in it mean."""
        with anyio.move_on_after(PLACE_WAIT) as waiting:
            await self._places.acquire()
        if waiting.cancelled_caught:
            raise StoreUnavailable(f"MongoDB at {self.address}: all connections are in use")
        try:
            yield
        except PyMongoError as error:
            told = f"MongoDB at {self.address}: {_short(error)}"
            raise meaning(_code(error), told) from None
        finally:
            self._places.release()


def _open(
    config: MongoConfig, uri: str, own: Mapping[str, int | str]
) -> tuple[_Database, Callable[[], Awaitable[object]]]:
    """The driver's database, and what closes its client. Nothing is connected yet."""
    try:
        if config.driver == "motor":
            client = cast(_Driver, AsyncIOMotorClient)(uri, **own)
            return _named(client, config), partial(anyio.to_thread.run_sync, client.close)
        client = cast(_Driver, AsyncMongoClient)(uri, **own)
        return _named(client, config), cast(Callable[[], Awaitable[object]], client.close)
    except InvalidName as error:
        raise ConfigError([f"MONGODB_DATABASE: {error}; choose another name"]) from None
    except (InvalidURI, TypeError):
        raise ConfigError(
            [
                "MONGODB_URI: can't be read; write mongodb://user:password@host:27017/?options, "
                "with the user and the password percent-encoded"
            ]
        ) from None
    except (ConfigurationError, ValueError, OSError) as error:
        raise ConfigError([f"MONGODB_URI: {error}"]) from None


def _named(client: _Client, config: MongoConfig) -> _Database:
    """The configured database; else the one that the URI names; else this program's own."""
    if config.database is not None:
        return client.get_database(config.database)
    return client.get_default_database(DATABASE)


def _options(uri: str) -> Mapping[str, object]:
    """The options of a URI, checked, by their names in lower case."""
    query = uri.partition("?")[2]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            options = split_options(query, normalize=False) if query else {}
    except (ConfigurationError, ValueError, TypeError, OSError, Warning) as error:
        secret = any(name in query.lower() for name in SECRETS)
        told = "one of its options can't be read" if secret else str(error)
        raise ConfigError([f"MONGODB_URI: {told}"]) from None
    return {name.lower(): value for name, value in options.items()}


def _own(given: Mapping[str, object]) -> Mapping[str, int | str]:
    """Our options beside those given; a pool of a given size is not filled in advance."""
    taken = {*given, "minpoolsize"} if "maxpoolsize" in given else {*given}
    return {name: value for name, value in OPTIONS.items() if name.lower() not in taken}


def _calls(given: Mapping[str, object]) -> int:
    size = given.get("maxpoolsize")
    return size if isinstance(size, int) and size > 0 else MOST_CALLS


def _request(write: Write) -> object:
    """The driver's request, encoded. Raises BSONError, OverflowError or ValueError."""
    if write.document is None:
        return DeleteMany(write.where)
    encoded = bson.encode(write.document)
    if len(encoded) > LARGEST:
        raise BSONError(f"it has {len(encoded)} bytes, and a document may have {LARGEST}")
    return ReplaceOne(write.where, RawBSONDocument(encoded), upsert=write.insert)


def _refusals(error: BulkWriteError, places: Sequence[int]) -> Iterator[WriteRefused]:
    """What of a bulk is refused for good. Raises OperationFailure for what may pass."""
    concerns = error.details.get("writeConcernErrors", [])
    failures = error.details.get("writeErrors", [])
    for failure in [*concerns, *failures]:
        if failure in concerns or failure["code"] in PASSING:
            raise OperationFailure(failure["errmsg"], failure["code"])
    for failure in failures:
        yield WriteRefused(places[failure["index"]], failure["code"], failure["errmsg"])


def _code(error: PyMongoError) -> int | None:
    """The server's code; None when it is away. A refused login also makes it look away."""
    if isinstance(error, OperationFailure):
        return error.code
    return LOGIN_REFUSED if "AuthenticationFailed" in str(error) else None


def _short(error: PyMongoError) -> str:
    """The first part of what a driver says: the rest is its view of the whole cluster."""
    return re.split(r", full error| \(configured|, Timeout:", str(error), maxsplit=1)[0]
