"""An export holds everything that is kept of a user, and nothing of anybody else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from tests.stores.running import Clock
from tests.stores.traces import ID, NAME, delete, leave_traces, naming_columns
from tests.stores.turns import earn, registration, take_turn
from yabot.stores import export as export_module
from yabot.stores.database import DatabaseManager
from yabot.stores.export import EXPORT, NOT_EXPORTED, SECTIONS
from yabot.stores.migrations import read_migrations
from yabot.users.ports import DeadLetter, Export

pytestmark = pytest.mark.anyio


async def exported(db: DatabaseManager, user_id: str = ID) -> Export:
    export = await db.exports.export(user_id)
    assert export is not None
    return export


async def test_every_table_that_names_users_is_exported_or_has_a_reason(
    db: DatabaseManager, path: Path
) -> None:
    exported = {section.table for section in SECTIONS.values()}
    assert {table for table, _ in naming_columns(path)} == exported | set(NOT_EXPORTED)
    assert not exported & set(NOT_EXPORTED)


async def test_an_export_has_something_in_every_section_and_is_json(
    db: DatabaseManager, clock: Clock
) -> None:
    await leave_traces(db, clock())
    export = await exported(db)
    assert (export.user_id, export.made_at, export.cut) == (ID, clock(), ())
    assert [name for name, rows in export.sections.items() if not rows] == []
    sections = orjson.loads(orjson.dumps(export))["sections"]
    assert sections["profile"][0]["first_name"] == NAME
    assert sections["documents"][0]["document"]["conversations"][ID]["data"] == {"name": NAME}
    assert [plan["plan_type"] for plan in sections["subscriptions"]] == ["vip", "free"]
    assert [entry["amount"] for entry in sections["ledger"]] == [-20, 30]
    assert sections["wallet"] == [{"balance": 10}]
    assert sections["waiting_updates"][0]["update_id"] == 2
    assert sections["pending_replies"][0]["params"]["text"] == f"hello, {NAME}"
    assert {command["command"]["kind"] for command in sections["pending_commands"]} == {
        "move_besitos",
        "expire_subscription",
    }
    assert sections["events"][-1]["payload"]["username"] == NAME
    assert sections["dead_letters"][0] == {
        "kind": "update",
        "key": "tg:7:1",
        "error": f"no {NAME}",
        "body": {"a": NAME},
        "at": "2026-11-22T12:00:00.000Z",
    }


async def test_what_is_not_json_is_exported_as_the_text_that_it_is(
    db: DatabaseManager, clock: Clock
) -> None:
    await leave_traces(db, clock())
    await db.dead_letters.add(DeadLetter("update", "tg:7:9", ID, "cut short", b'{"a":'))
    export = await exported(db)
    assert export.sections["dead_letters"][0]["body"] == '{"a":'
    assert export.sections["dead_letters"][1]["body"] == {"a": NAME}


async def test_an_export_holds_nothing_of_others(db: DatabaseManager, clock: Clock) -> None:
    await leave_traces(db, clock())
    await take_turn(db.users, "8", clock(), registration("8"), earn(3))
    export = await exported(db, "8")
    assert NAME not in orjson.dumps(export).decode()
    assert export.sections["wallet"] == [{"balance": 3}]


async def test_of_a_long_section_the_newest_rows_are_given_and_it_says_so(
    db: DatabaseManager, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "ROWS", 2)
    monkeypatch.setattr(
        export_module,
        "EXPORT",
        "SELECT " + ", ".join(section.query for section in SECTIONS.values()),
    )
    await take_turn(db.users, "8", clock(), registration("8"), earn(1), earn(2))
    assert (await exported(db, "8")).cut == ("events",)
    await take_turn(db.users, "8", clock(), earn(3))
    export = await exported(db, "8")
    assert export.cut == ("ledger", "events")
    assert [entry["amount"] for entry in export.sections["ledger"]] == [3, 2]


async def test_who_is_unknown_or_forgotten_has_no_export(db: DatabaseManager, clock: Clock) -> None:
    assert await db.exports.export(ID) is None
    await leave_traces(db, clock())
    await delete(db, clock())
    assert await db.exports.export(ID) is None


def test_an_export_reads_no_table_as_a_whole_but_the_calls_that_wait() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in read_migrations():
            db.executescript(migration.script)
        plan = [str(detail) for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {EXPORT}", ["1"])]
    tables = {section.table for section in SECTIONS.values()}
    assert [line for line in plan if line.startswith("SCAN") and line.split()[1] in tables] == [
        "SCAN outbox_replies"
    ]
