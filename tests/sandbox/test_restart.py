"""What a stop, a kill and a second start leave behind."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from tests.sandbox.telegram import KEYBOARD, Telegram, open_telegram
from tests.waiting import until
from yabot.sandbox import JournalError, Sandbox
from yabot.sandbox.journal import Journal, Series

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def sandbox_on(database: Path) -> AsyncIterator[Telegram]:
    async with Sandbox(database=str(database)) as sandbox, open_telegram(sandbox) as telegram:
        yield telegram


async def test_a_restart_keeps_screens_updates_and_settings(tmp_path: Path) -> None:
    database = tmp_path / "new" / "world.db"
    async with sandbox_on(database) as telegram:
        await telegram.drive("users/7", {"first_name": "Ana"}, http_method="PUT")
        await telegram.says(7, "hello")
        await telegram.call("setMyCommands", commands=[{"command": "a", "description": "b"}])
        sent = await telegram.call("sendMessage", chat_id=7, text="hi", reply_markup=KEYBOARD)
        pressed = await telegram.presses(7, sent["message_id"], "go:left")
        keyboard = {"keyboard": [[{"text": "Yes"}]]}
        await telegram.call("sendMessage", chat_id=7, text="?", reply_markup=keyboard)
        group = await telegram.drive("chats", {"title": "Readers", "members": [7, 8]})
        await telegram.drive("users/8/block")
        pending = await telegram.call("getUpdates")
        screen = await telegram.screen(7)
    async with sandbox_on(database) as telegram:
        again = await telegram.screen(7)
        assert {**again, "cursor": 0, "now": 0} == {**screen, "cursor": 0, "now": 0}
        assert again["user"]["first_name"] == "Ana"
        assert await telegram.call("getUpdates") == pending
        assert (await telegram.refused("sendMessage", chat_id=8, text="x"))[0] == 403
        assert (await telegram.screen(8, group["chat"]["id"]))["chat"] == group["chat"]
        query = pressed["callback_query_id"]
        assert await telegram.call("answerCallbackQuery", callback_query_id=query)
        following = await telegram.says(7, "again")
        assert following["update_id"] == pending[-1]["update_id"] + 1
        assert following["message"]["message_id"] == sent["message_id"] + 2


async def test_confirmed_updates_and_deleted_messages_stay_gone(tmp_path: Path) -> None:
    database = tmp_path / "world.db"
    async with sandbox_on(database) as telegram:
        first = await telegram.says(7, "one")
        await telegram.says(7, "two")
        await telegram.call("getUpdates", offset=first["update_id"] + 1)
        await telegram.call("deleteMessage", chat_id=7, message_id=1)
    async with sandbox_on(database) as telegram:
        assert [u["message"]["text"] for u in await telegram.call("getUpdates")] == ["two"]
        assert await telegram.texts(7) == ["two"]


async def test_a_webhook_survives_a_restart(tmp_path: Path) -> None:
    database = tmp_path / "world.db"
    async with sandbox_on(database) as telegram:
        await telegram.call("setWebhook", url="http://127.0.0.1:9/hook", max_connections=3)
    async with sandbox_on(database) as telegram:
        info = await telegram.call("getWebhookInfo")
        assert (info["url"], info["max_connections"]) == ("http://127.0.0.1:9/hook", 3)


async def test_a_database_belongs_to_one_sandbox(tmp_path: Path) -> None:
    async with sandbox_on(tmp_path / "world.db"):
        with pytest.raises(JournalError, match="another process uses it"):
            await Sandbox(database=str(tmp_path / "world.db")).start()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world.db").write_text("my precious notes, " * 100)
    with pytest.raises(JournalError, match="file is not a database"):
        await Sandbox(database=str(tmp_path / "world.db")).start()


async def test_numbers_go_up_over_starts_without_a_clean_stop(tmp_path: Path) -> None:
    path = str(tmp_path / "world.db")
    used: list[int] = []
    for _ in range(3):
        journal = Journal(path)
        series = Series(journal, "update")
        used += [series.next() for _ in range(5)]
        journal._connection.close()
    assert used == sorted(set(used))


async def test_a_batch_that_fails_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yabot.sandbox.journal.RETRY_INTERVAL", 0.01)
    path = str(tmp_path / "world.db")
    journal = Journal(path)
    write, refusals = journal._write, 2

    def flaky(puts: list[tuple[str, str, bytes]], deletes: list[tuple[str, str]]) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise sqlite3.OperationalError("disk is full")
        write(puts, deletes)

    monkeypatch.setattr(journal, "_write", flaky)
    journal.put("kind", "key", {"n": 1})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(journal.run)
        await until(lambda: list(journal.load("kind")) == [("key", b'{"n":1}')])
        tasks.cancel_scope.cancel()
    journal.close()


@contextmanager
def process(database: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-m", "yabot.sandbox", "--database", str(database), *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with started:
        try:
            yield started
        finally:
            started.kill()


@asynccontextmanager
async def connected(running: subprocess.Popen[str]) -> AsyncIterator[Telegram]:
    assert running.stdout is not None
    with anyio.fail_after(20):
        line = await anyio.to_thread.run_sync(running.stdout.readline, abandon_on_cancel=True)
    url = line.rsplit(" ", 1)[-1].strip()
    async with aiohttp.ClientSession(url) as http:
        yield Telegram(http)


async def test_a_kill_loses_no_flushed_update_and_repeats_no_id(tmp_path: Path) -> None:
    database = tmp_path / "world.db"
    with process(database, "--port", "0") as running:
        async with connected(running) as telegram:
            said = [await telegram.says(7, text) for text in ("one", "two", "three")]

            async def flushed() -> bool:
                return bool((await telegram.asks("stats"))["unsaved"] == 0)

            await until(flushed)
        running.kill()
        assert running.wait(10) == -signal.SIGKILL
    with process(database, "--port", "0") as running:
        async with connected(running) as telegram:
            updates = await telegram.call("getUpdates")
            assert [u["message"]["text"] for u in updates] == ["one", "two", "three"]
            assert await telegram.texts(7) == ["one", "two", "three"]
            following = await telegram.says(7, "four")
            assert following["update_id"] > said[-1]["update_id"]
            assert following["message"]["message_id"] > said[-1]["message"]["message_id"]


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_cleanly_with_a_poll_waiting(
    tmp_path: Path, signal_number: signal.Signals
) -> None:
    database = tmp_path / "world.db"
    with process(database, "--port", "0") as running:
        async with connected(running) as telegram:
            answers: list[list[object]] = []

            async def poll() -> None:
                answers.append(await telegram.call("getUpdates", timeout=30))

            with anyio.fail_after(10):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(poll)
                    await until(telegram.listening)
                    running.send_signal(signal_number)
            assert answers == [[]]
        assert running.wait(10) == 0
        assert running.stderr is not None
        assert running.stderr.read() == ""
    async with sandbox_on(database) as telegram:
        assert (await telegram.says(7, "hello"))["update_id"] == 1


async def test_a_used_port_is_one_clear_line_and_exit_code_2(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    port = sandbox.url.rsplit(":", 1)[-1]
    with process(tmp_path / "world.db", "--port", port) as refused:
        out, err = await anyio.to_thread.run_sync(lambda: refused.communicate(timeout=20))
    assert refused.returncode == 2
    assert out == ""
    assert err == (
        f"the sandbox cannot start: port {port} on 127.0.0.1 is in use;"
        " choose another one with --port\n"
    )
