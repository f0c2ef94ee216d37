"""A process to be killed: users who commit in a closed loop and say what was acknowledged.

    python -m tests.stores.worker FILE

A line on standard output is `taken <update id>` or `done <user> <version>`.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from actors import ActorSystem
from tests.stores.turns import arrival, commit_of, earn, registration
from yabot import faults
from yabot.domain.events import UserInteraction
from yabot.stores.database import DatabaseManager
from yabot.users.ports import Call, Stored

USERS = 20


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def live(db: DatabaseManager, user_id: str, update_ids: "count[int]") -> None:
    stored = await db.users.load(user_id)
    while True:
        (mail,) = await db.inbox.accept([arrival(next(update_ids), user_id)])
        say(f"taken {mail.update_id}")
        begin = () if stored.user else (registration(user_id),)
        commit = commit_of(
            stored,
            user_id,
            datetime.now(UTC),
            *begin,
            earn(1),
            key=mail.key,
            mail_seq=mail.seq,
            events=(UserInteraction(action="work"),),
            calls=(Call(db.users.next_call_id(), "chat:1", "sendMessage", b"{}"),),
        )
        stored = Stored(commit.after, await db.users.commit(commit))
        say(f"done {user_id} {stored.version}")


async def main() -> None:
    if fault := os.environ.get("YABOT_FAULT"):
        faults.arm(fault)
    db = DatabaseManager(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
    await db.connect_all()
    known = await db.reader.rows("SELECT coalesce(max(update_id), 0) FROM inbox")
    update_ids = count(known[0][0] + 1)
    async with ActorSystem() as system, asyncio.TaskGroup() as group:
        system.spawn(db.writer_actor, name="writer")
        for user_id in range(1, USERS + 1):
            group.create_task(live(db, str(user_id), update_ids))


if __name__ == "__main__":
    asyncio.run(main())
