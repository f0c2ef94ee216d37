"""MongoDocuments: the users' documents, the content and the mark, in the collections of a server.

The rule: a document gives way only to one that is newer by (epoch, version), so a write may come
late, twice or out of order; a deleted user's tombstone stays for that reason.
"""

from collections.abc import Mapping, Sequence

from yabot.domain.story import Story
from yabot.domain.values import UserId
from yabot.stores.mongo.client import MongoDatabase
from yabot.stores.mongo.collections import FRAGMENTS, ITEMS, MARKS, USERS, Collection
from yabot.stores.mongo.errors import DUPLICATE, CommandRefused
from yabot.stores.mongo.ports import DocumentVersion, Mark, Refused
from yabot.stores.mongo.shapes import (
    fragment_document,
    item_document,
    mark_document,
    mark_value,
    moment,
    user_document,
    user_place,
    user_version,
)
from yabot.stores.mongo.writes import Document, Write, WriteRefused
from yabot.users.ports import Clock

MARK = "documents"
"""The id of the one mark."""


class MongoDocuments:
    """A DocumentStore over collections that `prepare` has made.

    `clock` dates fragments and items that are new there.
    """

    def __init__(self, database: MongoDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        """Store what is newer, as `DocumentStore.put` says.

        An insert that meets a duplicate key has met the same user: one that is newer, or one that
        another writer has inserted meanwhile. A second pass, without inserting, settles which.
        """
        refused: list[Refused] = []
        met = await self._write(_newest(documents), refused, insert=True)
        await self._write(met, refused, insert=False)
        return refused

    async def get(self, user_id: UserId) -> DocumentVersion | None:
        """The user's document, as `DocumentStore.get` says."""
        found = await self._database.find(USERS.name, {"_id": user_id})
        return user_version(found[0]) if found else None

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]:
        """Who is there in which version, as `DocumentStore.scan` says."""
        where = {} if after is None else {"_id": {"$gt": after}}
        fields = ["epoch", "version"]
        found = await self._database.find(USERS.name, where, fields=fields, limit=limit)
        return [user_place(one) for one in found]

    async def mark(self) -> Mark | None:
        """The mark of the last delivery, as `DocumentStore.mark` says."""
        found = await self._database.find(MARKS.name, {"_id": MARK})
        return mark_value(found[0]) if found else None

    async def put_mark(self, mark: Mark) -> None:
        """Leave a mark, as `DocumentStore.put_mark` says."""
        write = Write({"_id": MARK}, mark_document(MARK, mark))
        _demand(MARKS, await self._database.write(MARKS.name, [write]))

    async def put_content(self, story: Story, items: Mapping[str, Mapping[str, object]]) -> None:
        """Replace fragments and items, as `DocumentStore.put_content` says.

        What is new is there before what is old goes, so a reader never meets a gap.
        """
        fragments = [
            fragment_document(language, fragment)
            for language, of_language in story.fragments.items()
            for fragment in of_language.values()
        ]
        await self._replace(FRAGMENTS, fragments)
        await self._replace(ITEMS, [item_document(key, item) for key, item in items.items()])

    async def _write(
        self, documents: Sequence[DocumentVersion], refused: list[Refused], *, insert: bool
    ) -> list[DocumentVersion]:
        """Write, add to `refused` what is refused for good, and return what met a duplicate."""
        met, sent, writes = [], [], []
        for document in documents:
            try:
                writes.append(_guarded(document, insert=insert))
                sent.append(document)
            except ValueError as error:
                refused.append(Refused(document.user_id, document.version, str(error)))
        for one in await self._database.write(USERS.name, writes):
            document = sent[one.place]
            if one.code == DUPLICATE:
                met.append(document)
            else:
                told = f"{one.error} (code {one.code})"
                refused.append(Refused(document.user_id, document.version, told))
        return met

    async def _replace(self, collection: Collection, documents: Sequence[Document]) -> None:
        """Make these the whole of a collection; those that were there keep their dates."""
        ids = [document["_id"] for document in documents]
        there = await self._database.find(
            collection.name, {"_id": {"$in": ids}}, fields=["created_at"], limit=max(len(ids), 1)
        )
        dates = {found["_id"]: found["created_at"] for found in there}
        now = moment(self._clock())
        writes = [
            Write({"_id": one["_id"]}, {"created_at": dates.get(one["_id"], now), **one})
            for one in documents
        ]
        gone = Write({"_id": {"$nin": ids}}, None)
        _demand(
            collection, await self._database.write(collection.name, [*writes, gone], ordered=True)
        )


def _newest(documents: Sequence[DocumentVersion]) -> list[DocumentVersion]:
    """The newest version of each user."""
    newest: dict[UserId, DocumentVersion] = {}
    for one in sorted(documents, key=lambda one: (one.epoch, one.version)):
        newest[one.user_id] = one
    return list(newest.values())


def _guarded(document: DocumentVersion, *, insert: bool) -> Write:
    """Store a document where what is there is older. Raises ValueError."""
    older = [
        {"epoch": {"$lt": document.epoch}},
        {"epoch": document.epoch, "version": {"$lt": document.version}},
    ]
    where = {"_id": document.user_id, "$or": older}
    return Write(where, user_document(document), insert)


def _demand(collection: Collection, refused: Sequence[WriteRefused]) -> None:
    """Raises CommandRefused when anything was refused: here nothing may be left out."""
    for one in refused:
        raise CommandRefused(f"MongoDB refuses {collection.name}: {one.error}", code=one.code)
