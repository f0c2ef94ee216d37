"""An operator backs the bot up while people play, and goes back to that moment."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.faults.audit import PURSES_APART
from tests.faults.street import street
from tests.flows.operator import FAILED, operator
from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

WELCOME = "Soy YABOT"


def rows(database: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        return db.execute(sql).fetchall()


def life(database: Path) -> Mapping[str, list[tuple[object, ...]]]:
    """What users have: all of it that a restore must bring back."""
    parts = {
        "documents": "SELECT user_id, version, document FROM user_documents ORDER BY user_id",
        "wallets": "SELECT user_id, balance FROM wallets ORDER BY user_id",
        "ledger": "SELECT user_id, amount, balance, key FROM ledger ORDER BY id",
        "inbox": "SELECT seq, update_id, processed_at FROM inbox ORDER BY seq",
        "events": "SELECT event_id, user_id, epoch, sequence FROM outbox_events ORDER BY seq",
        "commands": "SELECT unique_key, due_at FROM outbox_commands ORDER BY id",
    }
    return {name: rows(database, sql) for name, sql in parts.items()}


async def test_a_bot_goes_back_to_a_backup_that_was_made_under_load(tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    place = street(tmp_path, "polling", people=12)
    async with place as it, aiohttp.ClientSession() as client:
        late = Person(client, it.sandbox.url, 1)
        it.bot.start()
        async with it.load():
            await it.crowd.more(100)
            await fail_sends(client, it.sandbox)
            await late.says("/start")
            await until(lambda: waits_for(it.bot.database, late))
            made = await operator(it.bot, "backup", str(backup))
            assert made.code == 0, made.told
            assert waits_for(backup, late)
            await client.delete(f"{it.sandbox.url}/sandbox/faults")
            await late.sees(WELCOME)
            await it.crowd.more(100)
        refused = await operator(it.bot, "restore", str(backup))
        assert refused.code == FAILED
        assert f"in use by process {it.bot.running.pid}" in refused.told
        assert await it.verdict() == []
        newer = life(it.bot.database)

        done = await operator(it.bot, "restore", str(backup))
        assert done.code == 0, done.told
        assert life(it.bot.database) == life(backup) != newer
        assert rows(it.bot.database, "SELECT epoch, clean_stop FROM meta") == [(2, 1)]
        dropped = len(rows(backup, "SELECT * FROM outbox_replies"))
        assert f"{dropped} replies that waited then were dropped" in done.told
        (aside,) = tmp_path.glob("yabot.db.before-restore-*")  # noqa: ASYNC240
        assert life(aside) == newer

        it.bot.start()
        await it.bot.ready()
        await late.says("/daily")
        await late.sees("Ahora tienes")
        await until(lambda: not rows(it.bot.database, "SELECT * FROM outbox_replies"))
        welcomed = [m for m in (await late.screen())["messages"] if WELCOME in m.get("text", "")]
        assert len(welcomed) == 1
        assert rows(it.bot.database, PURSES_APART) == []
        epochs = "SELECT DISTINCT epoch FROM outbox_events ORDER BY epoch"
        assert rows(it.bot.database, epochs) == [(1,), (2,)]
        assert await it.bot.stop() == 0


def waits_for(database: Path, person: Person) -> bool:
    return bool(rows(database, f"SELECT 1 FROM outbox_replies WHERE user_id = '{person.id}'"))


async def fail_sends(client: aiohttp.ClientSession, sandbox: Sandbox) -> None:
    """Until the faults are deleted, Telegram takes no message."""
    order = {"method": "sendMessage", "status": 503, "times": 0}
    async with client.post(f"{sandbox.url}/sandbox/faults", json=order) as answer:
        assert answer.status == 200


async def test_an_encrypted_bot_is_played_backed_up_and_restored(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    key = "0123456789abcdef" * 4
    backup = tmp_path / "backup.db"
    person = Person(client, sandbox.url, 700)
    async with BotProcess(tmp_path, sandbox.url, {"SQLITE_KEY": key}) as bot:
        bot.start(LOG_LEVEL="debug")
        await bot.ready()
        await person.says("/start")
        await person.sees(WELCOME)
        await person.says("/daily")
        await person.sees("Ahora tienes 10")
        await bot.kill()
        bot.start()
        await bot.ready()
        assert (await operator(bot, "backup", str(backup))).code == 0
        assert await bot.stop() == 0
        for file in (bot.database, backup):
            with pytest.raises(sqlite3.DatabaseError, match="not a database"):
                rows(file, "SELECT * FROM meta")
        examined = await operator(bot, "doctor")
        assert "KiB, encrypted" in examined.told
        wrong = await operator(bot, "restore", str(backup), SQLITE_KEY="f" * 64)
        assert (wrong.code, wrong.told.count("\n")) == (FAILED, 1)
        assert (await operator(bot, "restore", str(backup))).code == 0
        bot.start()
        await bot.ready()
        await person.says("/besitos")
        await person.sees("Tienes 10 besitos")
        assert await bot.stop() == 0
        assert key not in bot.told()
        assert "Traceback" not in bot.told()


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("my-passphrase", "SQLITE_KEY: must be 64 hex digits; make a key with: openssl rand"),
        ("f" * 64, "is not encrypted; unset SQLITE_KEY, or encrypt the file with `yabot encrypt`"),
    ],
    ids=["no raw key", "plain file"],
)
async def test_a_key_that_can_not_work_is_one_line_and_costs_nothing(
    key: str, says: str, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    person = Person(client, sandbox.url, 700)
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        assert await bot.stop() == 0
        bot.start(SQLITE_KEY=key)
        assert await bot.ended() == FAILED
        (line,) = [line for line in bot.errors.read_text().splitlines() if line.startswith("yabot")]
        assert says in line
        assert "Traceback" not in bot.told()
        await person.says("/start")
        bot.start()
        await bot.ready()
        await person.sees(WELCOME)
        assert await bot.stop() == 0


async def test_a_plain_bot_is_encrypted_and_goes_on(
    sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    key = "0123456789abcdef" * 4
    person = Person(client, sandbox.url, 700)
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        await person.says("/daily")
        await person.sees("Ahora tienes 10")
        refused = await operator(bot, "encrypt", SQLITE_KEY=key)
        assert (refused.code, "in use by process" in refused.told) == (FAILED, True)
        assert await bot.stop() == 0
        done = await operator(bot, "encrypt", SQLITE_KEY=key)
        assert done.code == 0, done.told
        bot.start(SQLITE_KEY=key)
        await bot.ready()
        await person.says("/besitos")
        await person.sees("Tienes 10 besitos")
        assert await bot.stop() == 0
