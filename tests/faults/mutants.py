"""The bot with one protection taken away, to see that its absence is noticed.

The rule: each function changes this process alone, and then runs the bot's own command line.
"""

from collections.abc import Sequence

import anyio

from tests.faults.recording import recording
from tests.processes import yabot
from yabot.events.ports import QueuedEvent
from yabot.events.relay import EventRelay
from yabot.stores.inbox import SqliteInbox
from yabot.stores.migrations import MigrationManager
from yabot.stores.replies import SqliteReplyOutbox
from yabot.stores.statements import Statement
from yabot.telegram.replies import ReplySender
from yabot.users.actor import UserActor
from yabot.users.ports import Arrival, Commit, Mail, QueuedCall, Stored

GUARDS = ("documents_follow_on", "documents_move_on")
"""The triggers that refuse a document computed from another version than the stored one."""

LONG_WAY = 0.05
"""Seconds between a mark and what should have come before it, for a death to fall into."""


def unmarked() -> None:
    """A commit does not mark its update as processed."""
    Statement.INBOX_MARK._value_ = (
        "UPDATE inbox SET received_at = column1 FROM (VALUES (?, ?)) WHERE seq = column2"
    )
    yabot()


def forgetful() -> None:
    """An actor now and then forgets to keep what it has committed."""
    _forget()
    yabot()


def forgetful_and_unguarded() -> None:
    """The same, and no version is looked at."""
    _forget()
    _unguard()
    yabot()


def unguarded() -> None:
    """No version is looked at; the one actor of a user alone keeps turns apart."""
    _unguard()
    yabot()


def hasty() -> None:
    """A call counts as sent before it is."""
    attempt = ReplySender._attempt

    async def marked_first(self: ReplySender, row: QueuedCall) -> bool:
        outbox = self._outbox
        assert isinstance(outbox, SqliteReplyOutbox)
        await outbox.sent(row, None)
        await anyio.sleep(LONG_WAY)
        return await attempt(self, row)

    ReplySender._attempt = marked_first  # type: ignore[method-assign]
    yabot()


def careless() -> None:
    """An event counts as taken before it is told."""
    forward = EventRelay.forward

    async def taken_first(self: EventRelay, rows: Sequence[QueuedEvent]) -> None:
        await self._feed.taken(rows[-1].seq)
        await anyio.sleep(LONG_WAY)
        await forward(self, rows)

    EventRelay.forward = taken_first  # type: ignore[method-assign]
    recording()


def newest_first() -> None:
    """Of updates that come together, the last is handed over first."""
    accept = SqliteInbox.accept

    async def reversed_accept(self: SqliteInbox, arrivals: Sequence[Arrival]) -> Sequence[Mail]:
        return list(reversed(await accept(self, arrivals)))

    SqliteInbox.accept = reversed_accept  # type: ignore[method-assign]
    yabot()


def _forget() -> None:
    async def commit_only(self: UserActor, commit: Commit) -> None:
        version = await self._parts.store.commit(commit)
        if version % 5:
            self._stored = Stored(commit.after, version)

    UserActor._commit = commit_only  # type: ignore[method-assign]


def _unguard() -> None:
    migrate = MigrationManager.migrate

    async def migrate_and_unguard(self: MigrationManager) -> int:
        version = await migrate(self)
        for trigger in GUARDS:
            await self._connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        await self._connection.commit()
        return version

    MigrationManager.migrate = migrate_and_unguard  # type: ignore[method-assign]
