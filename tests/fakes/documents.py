"""MemoryDocuments: the document copies, in a dictionary.

`failing` makes it a server that is away. `fragments` and `items` are what other services would
read.
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from yabot.domain.story import Fragment, Story
from yabot.domain.user import UserDocument
from yabot.domain.values import UserId
from yabot.errors import StoreUnavailable
from yabot.stores.mongo.ports import DocumentVersion, Mark, Refused

LARGEST = 16 * 1024 * 1024


class MemoryDocuments:
    """A DocumentStore that lives as long as its test."""

    def __init__(self) -> None:
        self.failing = False
        self.users: dict[UserId, DocumentVersion] = {}
        self.fragments: dict[tuple[str, str], Fragment] = {}
        self.items: dict[str, Mapping[str, object]] = {}
        self._mark: Mark | None = None

    async def put(self, documents: Sequence[DocumentVersion]) -> Sequence[Refused]:
        """Store what is newer and has the shape of a user."""
        self._reach()
        newest: dict[UserId, DocumentVersion] = {}
        for document in sorted(documents, key=_age):
            newest[document.user_id] = document
        refused = []
        for document in newest.values():
            if error := _error(document):
                refused.append(Refused(document.user_id, document.version, error))
            elif _age(document) > _age(self.users.get(document.user_id)):
                self.users[document.user_id] = document
        return refused

    async def get(self, user_id: UserId) -> DocumentVersion | None:
        """The user's document."""
        self._reach()
        return self.users.get(user_id)

    async def mark(self) -> Mark | None:
        """The mark of the last delivery."""
        self._reach()
        return self._mark

    async def put_mark(self, mark: Mark) -> None:
        """Leave a mark."""
        self._reach()
        self._mark = mark

    async def put_content(self, story: Story, items: Mapping[str, Mapping[str, object]]) -> None:
        """Replace the content."""
        self._reach()
        self.fragments = {
            (language, fragment_id): fragment
            for language, fragments in story.fragments.items()
            for fragment_id, fragment in fragments.items()
        }
        self.items = dict(items)

    async def scan(self, after: UserId | None, limit: int) -> Sequence[tuple[UserId, int, int]]:
        """Who is there in which version."""
        self._reach()
        ids = sorted(user_id for user_id in self.users if after is None or user_id > after)
        return [(user_id, *_age(self.users[user_id])) for user_id in ids[:limit]]

    def _reach(self) -> None:
        if self.failing:
            raise StoreUnavailable("the document server is away")


def _age(document: DocumentVersion | None) -> tuple[int, int]:
    return (document.epoch, document.version) if document is not None else (-1, -1)


def _error(document: DocumentVersion) -> str | None:
    """Why a server would never take a document."""
    if document.body is None:
        return None
    if len(document.body) > LARGEST:
        return "too large"
    try:
        found = UserDocument.model_validate_json(document.body)
    except ValidationError as error:
        return str(error)
    return None if found.user_id == document.user_id else "it is another user's"
