"""Whatever is done to them in whatever order, the stores in memory and in SQLite can't be told
apart, but for the numbers that they give to their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contracts.stores import Stores, in_memory, in_sqlite
from tests.stores.running import Clock
from tests.stores.turns import arrival, commit_of, earn, ids, registration
from yabot.domain.decision import DurableCommand
from yabot.errors import CommitRefused
from yabot.users.ports import Answer, Call, DeadLetter, DueCommand, Mail, QueuedCall

USERS = ("1", "2", "chat:-3")
KEYS = ("api:a:b:1", "api:a:b:2")
FAR = timedelta(days=9)


@dataclass
class Player:
    """One implementation, and every row of it that was ever seen."""

    stores: Stores
    clock: Clock
    mails: list[Mail] = field(default_factory=list)
    rows: list[QueuedCall] = field(default_factory=list)
    due: list[DueCommand] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def play(self, act: "Act") -> object:
        """Do it, look around, and say what happened and what is there now."""
        try:
            happened = await act.on(self)
        except CommitRefused as error:
            happened = type(error).__name__
        return happened, await self.look()

    async def look(self) -> object:
        """Everything that the ports show, without the numbers of rows."""
        stores, far = self.stores, self.clock() + FAR
        rows, due = await stores.replies.read(0, 1000), await stores.commands.due(far, 0, 1000)
        self.rows += [row for row in rows if row not in self.rows]
        self.due += [command for command in due if command not in self.due]
        keys = [*KEYS, *(mail.key for mail in self.mails)]
        return (
            [await stores.users.load(user_id) for user_id in USERS],
            [await stores.users.answer(key) for key in keys],
            [await stores.users.answer(command.key) for command in self.due],
            [replace(mail, seq=0) for mail in await stores.inbox.leftovers(0, 1000)],
            [ids(await stores.inbox.read(user_id, 0, 1000)) for user_id in USERS],
            stores.inbox.backlog(),
            [replace(row, seq=0) for row in rows],
            [await stores.replies.real_message_id(-row.call.id) for row in self.rows],
            [_unnumbered(command) for command in due],
            await stores.commands.next_due(),
            await stores.dead_letters(),
        )


def _unnumbered(due: DueCommand) -> DueCommand:
    """The command without its number and that of the command which caused it."""
    kind, _, number = due.correlation_id.rpartition(":")
    return replace(due, id=0, correlation_id=kind if kind == "cmd" else f"{kind}:{number}")


class Act(Protocol):
    """Something that is done to a player's stores; gives what came of it."""

    async def on(self, player: Player) -> object: ...


@dataclass(frozen=True)
class Deliver:
    """Updates come in, each as (user, bot, update)."""

    updates: tuple[tuple[str, int, int], ...]

    async def on(self, player: Player) -> object:
        arrivals = [arrival(update, user, bot) for user, bot, update in self.updates]
        new = await player.stores.inbox.accept(arrivals)
        player.mails += new
        return [mail.key for mail in new]


@dataclass(frozen=True)
class TakeTurn:
    """A turn of whoever `settles` (an update, a command or a key, by its place) belongs to.

    `off` is how far its version is off. `erases` forgets the user with all their keys, so such a
    turn is never the repetition of one.
    """

    settles: tuple[str, int]
    amounts: tuple[int, ...]
    gifts: tuple[tuple[str, int], ...]
    off: int
    erases: bool

    async def on(self, player: Player) -> object:
        now, number = player.clock(), next(player.numbers)
        user_id, marks = self._marks(player, f"api:a:c:{number}")
        stored = await player.stores.users.load(user_id)
        is_person = user_id.isdecimal() and not (self.erases and stored.user is None)
        begin = (registration(user_id),) if is_person and stored.user is None else ()
        leaves: dict[str, Any] = {
            "calls": (Call(number, "chat:1", "sendMessage", b'{"text":"hi"}'),),
            "dead_letters": (DeadLetter("update", str(number), user_id, "error", b"{}"),),
            "commands": tuple(
                DurableCommand(USERS[number % 2], now + timedelta(hours=hours), earn(1), key)
                for key, hours in self.gifts
            ),
        }
        does = [*begin, *map(earn, self.amounts)] if is_person else []
        commit = commit_of(stored, user_id, now, *does, **marks, **leaves)
        if self.erases and stored.user is not None:
            commit = commit._replace(after=None, ledger=())
        return await player.stores.users.commit(commit._replace(version=commit.version + self.off))

    def _marks(self, player: Player, fresh: str) -> tuple[str, dict[str, Any]]:
        kind, place = self.settles
        if kind == "update" and player.mails:
            mail = player.mails[place % len(player.mails)]
            return mail.user_id, {"key": mail.key, "mail_seq": mail.seq}
        if kind == "command" and player.due and not self.erases:
            due = player.due[place % len(player.due)]
            return due.user_id, {"key": due.key, "command_id": due.id}
        key = KEYS[place % 2] if kind == "key" and not self.erases else fresh
        return USERS[place % 3], {"key": key, "answer": Answer(str(place), b"{}")}


@dataclass(frozen=True)
class Stamp:
    """One more attempt at an update."""

    place: int

    async def on(self, player: Player) -> object:
        if player.mails:
            await player.stores.inbox.stamp(player.mails[self.place % len(player.mails)].seq)
        return None


@dataclass(frozen=True)
class Settle:
    """Telegram took a call or, where `unreachable` says something, refused it."""

    place: int
    message_id: int | None
    unreachable: bool | None

    async def on(self, player: Player) -> object:
        rows = await player.stores.replies.read(0, 1000)
        if not rows:
            return None
        row = rows[self.place % len(rows)]
        if self.unreachable is None:
            await player.stores.replies.sent(row, self.message_id)
        else:
            await player.stores.replies.refused(row, "no", unreachable=self.unreachable)
        return row.call


PLACES = st.integers(0, 20)
UPDATES = st.tuples(st.sampled_from(USERS), st.sampled_from([7, 8]), st.integers(1, 9))
ACTS: st.SearchStrategy[Act] = st.one_of(
    st.builds(Deliver, st.lists(UPDATES, min_size=1, max_size=5).map(tuple)),
    st.builds(
        TakeTurn,
        settles=st.tuples(st.sampled_from(["update", "update", "command", "key", "new"]), PLACES),
        amounts=st.lists(st.integers(1, 50), max_size=2).map(tuple),
        gifts=st.lists(
            st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-1, 9)), max_size=2
        ).map(tuple),
        off=st.sampled_from([0, 0, 0, 0, -1, 3]),
        erases=st.sampled_from([False, False, False, True]),
    ),
    st.builds(Stamp, PLACES),
    st.builds(Settle, PLACES, st.none() | st.integers(1, 99), st.none() | st.booleans()),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(ACTS, min_size=1, max_size=20))
def test_no_acts_tell_the_stores_in_memory_from_those_in_sqlite(acts: Sequence[Act]) -> None:
    async def play() -> None:
        clock = Clock()
        with TemporaryDirectory() as folder:
            async with in_sqlite(Path(folder) / "yabot.db", clock) as real:
                players = Player(in_memory(clock), clock), Player(real, clock)
                for act in acts:
                    clock.advance(minutes=1)
                    memory, sqlite = [await player.play(act) for player in players]
                    assert memory == sqlite

    anyio.run(play)
