"""kill -9 at any moment: nothing that was acknowledged is lost, nothing is half there."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stores.running import Clock, only, query, running
from tests.stores.worker import USERS

pytestmark = pytest.mark.anyio

ROUNDS = 4
DEADLINE = 30.0

MARKS = """
    SELECT count(*) FROM ledger JOIN inbox ON 'tg:' || bot_id || ':' || update_id = key
    WHERE ledger.user_id = ? AND processed_at IS NOT NULL"""


def work_and_die(path: Path, *, fault: str | None = None, after: int = 0) -> list[list[str]]:
    """Run a worker until the fault ends it, or until it has said `after` lines; what it said."""
    environment = {**os.environ, **({"YABOT_FAULT": fault} if fault else {})}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.stores.worker", str(path)],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        said: list[list[str]] = []
        until = time.monotonic() + DEADLINE
        try:
            for line in worker.stdout:
                if line.startswith(("taken ", "done ")) and line.endswith("\n"):
                    said.append(line.split())
                assert time.monotonic() < until
                if after and len(said) == after:
                    worker.kill()
        finally:
            worker.kill()
    assert worker.returncode == -9
    return said


def check(path: Path, said: list[list[str]], earlier: dict[str, int]) -> dict[str, int]:
    """Everything acknowledged is there, and every table tells the same story."""
    versions = dict(query(path, "SELECT user_id, version FROM user_documents"))
    acknowledged = dict(earlier)
    for line in said:
        if line[0] == "done":
            acknowledged[line[1]] = int(line[2])
    for user_id, version in acknowledged.items():
        assert version <= versions[user_id] <= version + 1
    taken = {int(line[1]) for line in said if line[0] == "taken"}
    assert taken <= {update for (update,) in query(path, "SELECT update_id FROM inbox")}
    for user_id, version in versions.items():
        assert only(query(path, MARKS, user_id)) == version
        for table in ("wallets", "ledger"):
            column = "balance" if table == "wallets" else "count(*)"
            assert only(
                query(path, f"SELECT {column} FROM {table} WHERE user_id = ?", user_id)
            ) == (version)
        calls = "SELECT count(*) FROM outbox_replies WHERE user_id = ?"
        assert only(query(path, calls, user_id)) == version
        events = (
            "SELECT count(*), min(sequence), max(sequence) FROM outbox_events WHERE user_id = ?"
        )
        # Registering left one event, and each turn two.
        assert query(path, events, user_id) == [(2 * version + 1, 1, 2 * version + 1)]
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    assert query(path, "PRAGMA foreign_key_check") == []
    return versions


async def test_killing_it_at_any_moment_loses_nothing_acknowledged(
    path: Path, clock: Clock
) -> None:
    versions: dict[str, int] = {}
    for _ in range(ROUNDS):
        said = work_and_die(path, after=random.randint(50, 800))
        versions = check(path, said, versions)
    async with running(path, clock) as db:
        assert not db.start.clean
        assert db.start.starts == ROUNDS + 1
        left = await db.inbox.leftovers(0, 10_000)
        assert len(left) == db.inbox.backlog() <= ROUNDS * USERS
        assert {mail.attempts for mail in left} <= {1, 2}


@pytest.mark.parametrize("step", ["before_commit", "after_commit", "after_inbox_write"])
def test_dying_at_a_step_of_the_commit_leaves_all_of_it_or_nothing(path: Path, step: str) -> None:
    said = work_and_die(path, fault=f"{step}:40")
    assert said
    check(path, said, {})


def test_a_commit_that_died_before_it_left_nothing(path: Path) -> None:
    said = work_and_die(path, fault="before_commit:1")
    assert {line[0] for line in said} == {"taken"}
    assert query(path, "SELECT * FROM user_documents") == []


def test_a_commit_that_died_after_it_is_there_though_nobody_was_told(path: Path) -> None:
    said = work_and_die(path, fault="after_commit:1")
    assert {line[0] for line in said} == {"taken"}
    assert only(query(path, "SELECT count(*) FROM user_documents")) > 0
