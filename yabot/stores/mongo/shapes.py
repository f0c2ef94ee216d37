"""What a document of the server looks like, and the values that it stands for.

The rule: every shape round-trips. A conversation's keys and values are a handler's own and may hold
what a document can't (dots, dollars, numbers beyond 64 bits), so conversations are JSON text there.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from yabot.domain.story import Fragment
from yabot.domain.values import Instant, UserId
from yabot.stores.mongo.ports import DocumentVersion, Mark
from yabot.stores.mongo.writes import Document

ABOUT = ("_id", "epoch", "version", "committed_at")
"""What the server's document has beyond the user's own."""

METADATA = ("difficulty", "tags", "vip_required", "reward", "hint", "hint_text")
"""What of a fragment is about it rather than in it."""


def user_document(version: DocumentVersion) -> dict[str, object]:
    """A user as other services read them, or a tombstone.

    Raises ValueError for a body that is not a JSON object.
    """
    about: dict[str, object] = {
        "_id": version.user_id,
        "user_id": version.user_id,
        "epoch": version.epoch,
        "version": version.version,
    }
    if version.body is None:
        return {**about, "deleted_at": moment(version.at)}
    document = json.loads(version.body)
    if not isinstance(document, dict):
        raise ValueError("the body is not a JSON object")
    if "conversations" in document:
        document["conversations"] = _text(document["conversations"])
    return {**about, **document, "committed_at": moment(version.at)}


def user_version(found: Document) -> DocumentVersion:
    """The value that a `user_document` stands for."""
    is_tombstone = "deleted_at" in found
    at = datetime.fromisoformat(str(found["deleted_at" if is_tombstone else "committed_at"]))
    return DocumentVersion(*user_place(found), None if is_tombstone else _body(found), at)


def user_place(found: Document) -> tuple[UserId, int, int]:
    """Who a `user_document` is, and its (epoch, version)."""
    numbers = cast(Mapping[str, int], found)
    return str(found["_id"]), int(numbers["epoch"]), int(numbers["version"])


def fragment_document(language: str, fragment: Fragment) -> dict[str, object]:
    """A fragment in one language, without its date."""
    parts = fragment.model_dump(mode="json")
    metadata = {name: parts.pop(name) for name in METADATA}
    identity = f"{language}:{fragment.fragment_id}"
    return {"_id": identity, "language": language, **parts, "metadata": metadata}


def item_document(item_id: str, item: Document) -> dict[str, object]:
    """An item, without its date unless it has one of its own."""
    return {**item, "_id": item_id, "item_id": item_id}


def mark_document(mark_id: str, mark: Mark) -> dict[str, object]:
    """The mark of the last delivery."""
    return {
        "_id": mark_id,
        "database_id": mark.database_id,
        "epoch": mark.epoch,
        "delivery": mark.delivery,
    }


def mark_value(found: Document) -> Mark:
    """The value that a `mark_document` stands for."""
    numbers = cast(Mapping[str, int], found)
    return Mark(str(found["database_id"]), int(numbers["epoch"]), int(numbers["delivery"]))


def moment(at: Instant) -> str:
    """A moment as every document writes it, exact to the microsecond."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _body(found: Document) -> bytes:
    document = {name: value for name, value in found.items() if name not in ABOUT}
    if "conversations" in document:
        document["conversations"] = json.loads(str(document["conversations"]))
    return _text(document).encode()


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
