"""A new version starts while the old one still runs, and takes over when that ends."""

import signal
from pathlib import Path

import aiohttp
import pytest

from tests.flows.operator import FAILED, operator
from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_a_start_with_takeover_waits_for_the_owner_and_goes_on(
    number: signal.Signals, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    person = Person(client, sandbox.url, 900)
    folder = tmp_path / "next"
    folder.mkdir()
    async with BotProcess(tmp_path, sandbox.url) as old:
        old.start()
        await old.ready()
        await person.says("/daily")
        await person.sees("Ahora tienes 10")
        settings = {"SQLITE_DATABASE_PATH": str(old.database)}
        async with BotProcess(folder, sandbox.url, settings, arguments=["--takeover"]) as new:
            new.start()
            await until(lambda: waits_for_lock(new, old))
            await person.says("/besitos")
            first = await person.sees("Tienes 10 besitos")
            assert new.running.poll() is None

            old.running.send_signal(number)
            await old.ended()
            await new.ready()
            await person.says("/besitos")
            await person.sees("Tienes 10 besitos", after=first["message_id"])
            assert await new.stop() == 0


def waits_for_lock(new: BotProcess, old: BotProcess) -> bool:
    """Whether the new process has the lock's file open, which it does while it waits."""
    lock = old.database.with_name(f"{old.database.name}.lock")
    folder = Path(f"/proc/{new.running.pid}/fd")
    return any(lock == fd.resolve() for fd in folder.iterdir())


async def test_commands_that_change_the_file_are_refused_while_a_bot_runs(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with BotProcess(tmp_path, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        for command in (["migrate"], ["migrate", "--back"]):
            refused = await operator(bot, *command)
            assert refused.code == FAILED
            assert f"in use by process {bot.running.pid}" in refused.told
        assert await bot.stop() == 0
        done = await operator(bot, "migrate")
        assert (done.code, "applied: nothing was missing" in done.told) == (0, True)


async def test_migrate_makes_a_database_and_says_what_it_did(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    async with BotProcess(tmp_path, sandbox.url) as bot:
        done = await operator(bot, "migrate")
        assert done.code == 0
        assert "applied: 0001_initial" in done.told
        bot.start()
        await bot.ready()
        assert await bot.stop() == 0
