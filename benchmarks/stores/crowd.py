"""Users over a real database file, and the turn that every benchmark of the commit takes.

A turn leaves what an ordinary one leaves: the document, one event, one reply, a ledger entry with
its wallet, and the mark on the update in the inbox.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from actors import ActorSystem
from yabot.domain.commands import Command, MoveBesitos, RegisterUser
from yabot.domain.decide import decide
from yabot.domain.decision import Decision
from yabot.stores.connections import open_writing
from yabot.stores.database import DatabaseManager
from yabot.stores.write_queue import BATCH_ITEMS, WriteQueue
from yabot.stores.writer import Writer
from yabot.users.ports import Arrival, Call, Clock, Commit, Mail, Stored, UserStore

BOT = 4242
EARN = MoveBesitos(amount=1, reason="benchmark")
TEXT = "Un texto como los que escribe la gente, ni muy corto ni muy largo."

AT_ONCE = 500
"""Users or updates that are written together while a run is prepared."""


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def database(
    path: Path | None = None, *, clock: Clock = now, batch: int = BATCH_ITEMS
) -> AsyncIterator[DatabaseManager]:
    """A new database with its writer under way, in a folder of its own where no path is given."""
    with TemporaryDirectory(prefix="yabot-bench-") as folder:
        path = path or Path(folder) / "yabot.db"
        manager = DatabaseManager(path, clock=clock)
        manager.writer = Writer(partial(open_writing, path), WriteQueue(batch=batch))
        try:
            await manager.connect_all()
            async with ActorSystem() as system:
                system.spawn(manager.writer_actor, name="writer")
                yield manager
        finally:
            await manager.close()


class Crowd:
    """Users with these Telegram ids, each with what their actor would hold in memory.

    `store` is the manager's own where none is given.
    """

    def __init__(
        self, manager: DatabaseManager, ids: range, *, store: UserStore | None = None
    ) -> None:
        self.users = [str(number) for number in ids]
        self._manager = manager
        self._store = store if store is not None else manager.users
        self._stored: dict[str, Stored] = {}
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._updates = 0

    async def register_all(self) -> None:
        """Make everybody known to the database."""
        for first in range(0, len(self.users), AT_ONCE):
            async with asyncio.TaskGroup() as group:
                for user in self.users[first : first + AT_ONCE]:
                    group.create_task(self.register(user))

    async def register(self, user: str) -> None:
        """Make one user known to the database."""
        await self._commit(user, RegisterUser(telegram_user_id=int(user), first_name="Ana"))

    async def mail(self, users: Sequence[str]) -> Sequence[Mail]:
        """One update of each of these users, durable in the inbox."""
        return await self._manager.inbox.accept([self._arrival(user) for user in users])

    async def awake(self, user: str) -> None:
        """Load a user, as the actor does that is activated by an update."""
        self._stored[user] = await self._store.load(user, fenced=True)

    async def turn(self, mail: Mail) -> float:
        """Earn a besito and say so; returns how many seconds it took to make this durable.

        A user's turns must follow each other.
        """
        began = perf_counter()
        params = b'{"chat_id":%s,"text":"%s"}' % (mail.user_id.encode(), TEXT.encode())
        call = Call(self._store.next_call_id(), mail.user_id, "sendMessage", params)
        await self._commit(mail.user_id, EARN, mail_seq=mail.seq, key=mail.key, calls=(call,))
        return perf_counter() - began

    async def turn_in_order(self, mail: Mail) -> float:
        """`turn` when the user's turns before it have ended."""
        async with self._turns[mail.user_id]:
            return await self.turn(mail)

    def _arrival(self, user: str) -> Arrival:
        self._updates += 1
        body = b'{"update_id":%d,"message":{"date":1790000000,"text":"%s"}}'
        return Arrival(user, BOT, self._updates, {}, body % (self._updates, TEXT.encode()))

    async def _commit(
        self,
        user: str,
        command: Command,
        *,
        key: str = "",
        mail_seq: int | None = None,
        calls: tuple[Call, ...] = (),
    ) -> None:
        before = self._stored.get(user, Stored(None, 0))
        moment = now()
        decision = decide(before.user, command, moment)
        assert isinstance(decision, Decision)
        commit = Commit(
            key=key,
            user_id=user,
            now=moment,
            correlation_id=key,
            before=before.user,
            after=decision.user.touched(moment),
            version=before.version,
            mail_seq=mail_seq,
            ledger=decision.ledger,
            events=decision.events,
            calls=calls,
            commands=decision.commands,
        )
        self._stored[user] = Stored(commit.after, await self._store.commit(commit))
