"""The collections of the document server: their validators and their indexes, as data.

The rule: other services read these documents, so what they hold has the shape of the design, and
what else stands in one is nobody's business: a validator forbids no field.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from yabot.stores.mongo.writes import Document

WHOLE = ["int", "long"]
MOMENT: Document = {"bsonType": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"}
"""ISO 8601 in UTC: exact to the microsecond, where a BSON date ends at the millisecond."""

TEXT: Document = {"bsonType": "string"}
COUNT: Document = {"bsonType": WHOLE, "minimum": 0}


@dataclass(frozen=True, slots=True)
class Index:
    """An index over some fields, ascending."""

    name: str
    fields: tuple[str, ...]
    unique: bool = False

    def specification(self) -> dict[str, object]:
        """As the server says it."""
        made: dict[str, object] = {"name": self.name, "key": dict.fromkeys(self.fields, 1)}
        return {**made, "unique": True} if self.unique else made


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection as this program writes it."""

    name: str
    validator: Document
    indexes: tuple[Index, ...] = ()


def _schema(
    required: Sequence[str], properties: Document, *kinds: Sequence[str]
) -> dict[str, object]:
    schema: dict[str, object] = {
        "bsonType": "object",
        "required": ["_id", *required],
        "properties": properties,
    }
    if kinds:
        schema["oneOf"] = [{"required": list(kind)} for kind in kinds]
    return {"$jsonSchema": schema}


USERS = Collection(
    "users",
    {
        **_schema(
            ["user_id", "epoch", "version"],
            {
                "_id": TEXT,
                "user_id": TEXT,
                "epoch": COUNT,
                "version": COUNT,
                "current_state": {
                    "bsonType": "object",
                    "required": ["menu_context", "narrative_progress", "session_data"],
                    "properties": {
                        "menu_context": TEXT,
                        "narrative_progress": {"bsonType": "object"},
                        "session_data": {
                            "bsonType": "object",
                            "required": ["last_activity"],
                            "properties": {"last_activity": MOMENT},
                        },
                    },
                },
                "preferences": {"bsonType": "object"},
                "conversations": TEXT,
                "created_at": MOMENT,
                "updated_at": MOMENT,
                "committed_at": MOMENT,
                "deleted_at": MOMENT,
            },
            ["current_state", "preferences", "created_at", "updated_at", "committed_at"],
            ["deleted_at"],
        ),
        "$expr": {"$eq": ["$_id", "$user_id"]},
    },
    (
        Index("user_id", ("user_id",), unique=True),
        Index("current_fragment", ("current_state.narrative_progress.current_fragment",)),
        Index("updated_at", ("updated_at",)),
    ),
)
"""`_id` is the user's id, so a duplicate key can only be the same user."""

FRAGMENTS = Collection(
    "narrative_fragments",
    _schema(
        ["language", "fragment_id", "title", "content", "choices", "metadata", "created_at"],
        {
            "language": TEXT,
            "fragment_id": TEXT,
            "title": TEXT,
            "content": TEXT,
            "choices": {
                "bsonType": "array",
                "items": {
                    "bsonType": "object",
                    "required": ["id", "text", "next_fragment"],
                },
            },
            "metadata": {
                "bsonType": "object",
                "required": ["difficulty", "tags", "vip_required"],
            },
            "created_at": MOMENT,
        },
    ),
    (
        Index("language_fragment_id", ("language", "fragment_id"), unique=True),
        Index("tags", ("metadata.tags",)),
        Index("vip_required", ("metadata.vip_required",)),
    ),
)

ITEMS = Collection(
    "items",
    _schema(["item_id", "created_at"], {"item_id": TEXT, "created_at": MOMENT}),
    (Index("item_id", ("item_id",), unique=True), Index("type", ("type",))),
)

MARKS = Collection(
    "marks",
    _schema(
        ["database_id", "epoch", "delivery"],
        {"database_id": TEXT, "epoch": COUNT, "delivery": {"bsonType": WHOLE}},
    ),
)

COLLECTIONS = (USERS, FRAGMENTS, ITEMS, MARKS)
