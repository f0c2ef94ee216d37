"""The world as the journal remembers it, for a start.

The rule: only records that `World` wrote are read, and the world is exactly as it was at the
last flush; what expired meanwhile is dropped by whoever meets it.
"""

from collections.abc import Iterator

import orjson

from yabot.sandbox.journal import Journal
from yabot.sandbox.model import Bot, Group, Query, User, Webhook
from yabot.sandbox.screens import Screen
from yabot.sandbox.updates import UpdateQueue

Record = dict[str, object]


def restore_users(journal: Journal) -> dict[int, User]:
    return {
        int(key): User(
            int(key),
            str(record["first_name"]),
            str(record["username"]),
            str(record["language_code"]),
            set(_integers(record["blocked"])),
        )
        for key, record in _records(journal, "user")
    }


def restore_groups(journal: Journal) -> dict[int, Group]:
    return {
        int(key): Group(int(key), str(record["title"]), _integers(record["members"]))
        for key, record in _records(journal, "group")
    }


def restore_bots(journal: Journal) -> list[Bot]:
    """The bots by number, with their screens, pending updates and open queries."""
    records = sorted(_records(journal, "bot"), key=lambda row: int(row[0]))
    bots = {int(key): _bot(int(key), record, journal) for key, record in records}
    for (number, update_id), body in _by_id(journal, "update"):
        bots[number].updates.restore(update_id, orjson.loads(body))
    for (number, query_id), body in _by_id(journal, "query"):
        record = orjson.loads(body)
        user_id, chat_id, message_id = _integers(
            [record["user_id"], record["chat_id"], record["message_id"]]
        )
        bots[number].queries[str(query_id)] = Query(
            str(query_id), user_id, chat_id, message_id, float(str(record["expires"]))
        )
    for (number, chat_id, message_id), body in _by_id(journal, "message"):
        screen = bots[number].screens.setdefault(chat_id, Screen(chat_id))
        screen.messages[message_id] = body
    for (number, chat_id), body in _by_id(journal, "keyboard"):
        screen = bots[number].screens.setdefault(chat_id, Screen(chat_id))
        screen.keyboard = orjson.loads(body)
    return list(bots.values())


def _bot(number: int, record: Record, journal: Journal) -> Bot:
    hook, allowed, commands = record["webhook"], record["allowed_updates"], record["commands"]
    bot = Bot(
        number,
        int(str(record["id"])),
        UpdateQueue(journal, number),
        name=str(record["name"]),
        allowed_updates=[str(kind) for kind in allowed] if isinstance(allowed, list) else [],
        commands=commands if isinstance(commands, dict) else {},
    )
    if isinstance(hook, list):
        url, secret, connections = hook
        bot.webhook = Webhook(str(url), str(secret), int(connections))
    return bot


def _records(journal: Journal, kind: str) -> Iterator[tuple[str, Record]]:
    for key, body in journal.load(kind):
        yield key, orjson.loads(body)


def _by_id(journal: Journal, kind: str) -> Iterator[tuple[tuple[int, ...], bytes]]:
    rows = ((tuple(int(part) for part in key.split(":")), body) for key, body in journal.load(kind))
    yield from sorted(rows)


def _integers(value: object) -> list[int]:
    return [int(str(item)) for item in value] if isinstance(value, list) else []
