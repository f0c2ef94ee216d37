"""SqliteExports: everything that is kept of one user, as JSON, for whoever asks what we know.

The rule: a table that names a user has a section here, or a reason in `NOT_EXPORTED`. All sections
are read by one statement, so they belong to one moment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from yabot.domain.values import UserId
from yabot.stores.reader import Reader
from yabot.users.ports import Clock, Export

ROWS = 5_000
"""Rows of one section that an export holds; of longer ones the newest."""


def _json(column: str) -> str:
    """Its value, or its text if it holds no JSON: a person gets what there is."""
    return f"CASE WHEN json_valid({column}) THEN json({column}) ELSE {column} END"


def _moment(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch')"


@dataclass(frozen=True, slots=True)
class Section:
    """A table's part in an export: its rows of one user, newest first by `order`.

    `plain` columns are given as they are, `json` ones as what they hold, `moments` in ISO 8601.
    """

    table: str
    order: str
    plain: str = ""
    json: str = ""
    moments: str = ""
    only: str = "true"

    @property
    def query(self) -> str:
        """One value: the section as a JSON array."""
        fields = ", ".join(f"'{name}', {value}" for name, value in self._fields())
        return (
            f"(SELECT json_group_array(json_object({fields})) FROM (SELECT * FROM {self.table} "  # noqa: S608
            f"WHERE user_id = ?1 AND {self.only} ORDER BY {self.order} DESC LIMIT {ROWS + 1}))"
        )

    def _fields(self) -> Iterator[tuple[str, str]]:
        yield from ((name, name) for name in self.plain.split())
        yield from ((name, _json(name)) for name in self.json.split())
        yield from ((name, _moment(name)) for name in self.moments.split())


SECTIONS: Mapping[str, Section] = MappingProxyType(
    {
        "documents": Section("user_documents", "version", "version", json="document"),
        "profile": Section(
            "user_profiles",
            "user_id",
            "telegram_user_id username first_name last_name language_code registration_date "
            "last_login is_active",
        ),
        "subscriptions": Section(
            "subscriptions", "id", "plan_type status start_date end_date created_at updated_at"
        ),
        "wallet": Section("wallets", "user_id", "balance"),
        "ledger": Section("ledger", "id", "id amount balance reason key", moments="at"),
        "waiting_updates": Section(
            "inbox",
            "seq",
            "bot_id update_id",
            json="body",
            moments="received_at",
            only="processed_at IS NULL",
        ),
        "pending_replies": Section(
            "outbox_replies", "seq", "lane method", json="params", moments="created_at"
        ),
        "pending_commands": Section(
            "outbox_commands", "id", json="command", moments="due_at created_at"
        ),
        "events": Section(
            "outbox_events", "sequence", "event_id sequence name", json="payload", moments="at"
        ),
        "dead_letters": Section("dead_letters", "id", "kind key error", json="body", moments="at"),
    }
)
"""What an export holds, in order."""

NOT_EXPORTED: Mapping[str, str] = MappingProxyType(
    {
        "processed_keys": "answers that other services got, made of what the sections hold",
        "event_sequences": "the number of the user's last event, which is in the section of events",
    }
)
"""Tables that name users and have no section, each with its reason."""

EXPORT = "SELECT " + ", ".join(section.query for section in SECTIONS.values())


class SqliteExports:
    """The exports, as `UserExports` says."""

    def __init__(self, reader: Reader, clock: Clock) -> None:
        self._reader = reader
        self._clock = clock

    async def export(self, user_id: UserId) -> Export | None:
        """Everything that is kept of a user, as `UserExports.export` says."""
        values = (await self._reader.rows(EXPORT, user_id))[0]
        found = {name: orjson.loads(text) for name, text in zip(SECTIONS, values, strict=True)}
        if not found["profile"]:
            return None
        return Export(
            user_id=user_id,
            made_at=self._clock(),
            sections={name: rows[:ROWS] for name, rows in found.items()},
            cut=tuple(name for name, rows in found.items() if len(rows) > ROWS),
        )
