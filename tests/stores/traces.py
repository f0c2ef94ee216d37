"""A person who has left a trace in every table, and where a database still names somebody."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from tests.stores.turns import commit_of, earn, take_turn
from yabot.domain.commands import BuySubscription, DeleteUser, RegisterUser, SetConversation
from yabot.domain.decision import DurableCommand
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Answer, Arrival, Call, DeadLetter, Stored

ID = "7700700"
NAME = "Trazada"
UPDATE = b'{"update_id":%d,"message":{"text":"I am Trazada","from":{"id":7700700}}}'


async def leave_traces(db: DatabaseManager, now: datetime) -> Stored:
    """Live as `ID` until every table that can name a user does."""
    await take_turn(
        db.users,
        ID,
        now,
        RegisterUser(telegram_user_id=int(ID), first_name=NAME, username=NAME),
        earn(30),
        SetConversation(key=ID, state="asked", data={"name": NAME}),
        key=f"api:shop:gift:{NAME}",
        answer=Answer("print", b'{"user":"Trazada"}'),
        calls=(call_to(db, "hello, Trazada"),),
        dead_letters=(DeadLetter("update", "tg:7:1", ID, f"no {NAME}", b'{"a":"Trazada"}'),),
    )
    await take_turn(
        db.users,
        ID,
        now,
        BuySubscription(plan="vip", price=20, days=30),
        commands=(DurableCommand(ID, now + timedelta(days=1), earn(1), f"gift:{NAME}"),),
    )
    done, _waiting = await db.inbox.accept([update(1), update(2)])
    return await take_turn(db.users, ID, now, key=done.key, mail_seq=done.seq)


async def delete(db: DatabaseManager, now: datetime) -> Stored:
    """Forget `ID` by an API call under a key, with a goodbye."""
    commit = commit_of(
        await db.users.load(ID),
        ID,
        now,
        DeleteUser(),
        key="api:support:delete_user:1",
        answer=Answer("print", b'{"user":null}'),
        calls=(call_to(db, "goodbye, Trazada"),),
    )
    return Stored(None, await db.users.commit(commit))


def update(update_id: int) -> Arrival:
    """An update of `ID`."""
    return Arrival(ID, 7, update_id, {"update_id": update_id}, UPDATE % update_id)


def call_to(db: DatabaseManager, text: str) -> Call:
    """A message to `ID`."""
    params = b'{"chat_id":%s,"text":"%s"}' % (ID.encode(), text.encode())
    return Call(db.users.next_call_id(), f"chat:{ID}", "sendMessage", params)


async def send_all(db: DatabaseManager) -> None:
    """Telegram takes every call."""
    for row in await db.replies.read(0, 1_000):
        await db.replies.sent(row, 1_000 + row.seq)


def naming_columns(path: Path) -> list[tuple[str, str]]:
    """Every table and column that is made to hold the id of a user."""
    with closing(sqlite3.connect(path)) as db:
        return [
            (table, column)
            for table, column in _columns(db)
            if column == "user_id" or column.endswith("_user_id")
        ]


def tables_naming(path: Path, user_id: str = ID) -> set[str]:
    """The tables that have a row with this id in such a column."""
    with closing(sqlite3.connect(path)) as db:
        return {
            table
            for table, column in naming_columns(path)
            if db.execute(
                f"SELECT 1 FROM {table} WHERE CAST({column} AS TEXT) = ? LIMIT 1",
                (user_id,),
            ).fetchone()
        }


def places_of(path: Path, text: str) -> set[str]:
    """Every `table.column` that holds this text anywhere, whatever the column is for."""
    with closing(sqlite3.connect(path)) as db:
        return {
            f"{table}.{column}"
            for table, column in _columns(db)
            if db.execute(
                f"SELECT 1 FROM {table} WHERE instr(CAST({column} AS TEXT), ?) LIMIT 1",
                (text,),
            ).fetchone()
        }


def _columns(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        if table != "schema_version":
            for _, column, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                yield table, column
