"""SqliteUserStore: users as the turns see them, over the writer and the reader."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from yabot.domain.user import Profile, Subscription, User, UserDocument
from yabot.domain.values import Instant, UserId
from yabot.stores.commit import CommitRows
from yabot.stores.epoch import Epoch
from yabot.stores.event_ids import event_ids
from yabot.stores.known_keys import KnownKeys
from yabot.stores.moments import from_micros
from yabot.stores.reader import Reader
from yabot.stores.writer import Writer
from yabot.users.ports import Answer, Commit, Stored

LOAD = """
    SELECT d.version, d.document, w.balance,
        p.telegram_user_id, p.username, p.first_name, p.last_name, p.language_code,
        p.registration_date, p.last_login, p.is_active,
        s.plan_type, s.status, s.start_date, s.end_date
    FROM user_documents d
    LEFT JOIN wallets w ON w.user_id = d.user_id
    LEFT JOIN user_profiles p ON p.user_id = d.user_id
    LEFT JOIN subscriptions s
        ON s.id = (SELECT max(id) FROM subscriptions WHERE user_id = d.user_id)
    WHERE d.user_id = ?"""

KEY = "SELECT fingerprint, answer FROM processed_keys WHERE key = ?"
MARK = "SELECT processed_at FROM inbox WHERE bot_id = ? AND update_id = ?"

MOVEMENTS = """
    SELECT id, amount, balance, reason, key, at FROM ledger
    WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?"""

LARGEST = (1 << 63) - 1

Elsewhere = Callable[[UserId], Awaitable[UserDocument | None]]

CALLS_PER_START = 1 << 32
"""Ids of calls that one start may use; the next start begins beyond them, so none comes twice."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of a ledger as it is stored. `key` is the message that made it."""

    id: int
    amount: int
    balance: int
    reason: str
    key: str
    created_at: Instant


class SqliteUserStore:
    """The durable side of every user actor. `epoch` and `starts` are the database's own counts.

    `elsewhere` finds the document of a user whom this database does not know.
    """

    def __init__(
        self,
        writer: Writer,
        reader: Reader,
        *,
        epoch: Epoch,
        starts: int,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.keys = KnownKeys(writer, reader)
        self._writer = writer
        self._reader = reader
        self._epoch = epoch
        self._elsewhere = elsewhere
        self._event_ids = event_ids()
        self._call_ids = count(starts * CALLS_PER_START + 1)

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        """Read a user, as `UserStore.load` says."""
        if fenced:
            await self._writer.fence()
        row = await self._reader.row(LOAD, user_id)
        if row is None:
            kept = await self._elsewhere(user_id) if self._elsewhere is not None else None
            return Stored(None, 0, kept)
        version, document, balance, *rest = row
        if document is None:
            return Stored(None, version)
        user = User(
            document=UserDocument.model_validate_json(document),
            profile=_profile(user_id, *rest[:8]),
            subscription=_subscription(*rest[8:]),
            balance=balance or 0,
        )
        return Stored(user, version)

    async def answer(self, key: str) -> Answer | None:
        """What a processed key was answered, as `UserStore.answer` says."""
        if key.startswith("tg:"):
            _, bot_id, update_id = key.split(":")
            mark = await self._reader.row(MARK, int(bot_id), int(update_id))
            return Answer("", b"") if mark is not None and mark[0] is not None else None
        if key not in self.keys:
            return None
        row = await self._reader.row(KEY, key)
        return Answer(row[0], row[1].encode()) if row is not None else None

    async def commit(self, commit: Commit) -> int:
        """Make a turn durable, as `UserStore.commit` says."""
        made = CommitRows(commit, self._epoch.value, self._event_ids)
        await self._writer.submit(made.rows, made.size)
        if commit.before is None and commit.after is None:
            return commit.version
        return commit.version + 1

    def next_call_id(self) -> int:
        """A fresh id for a `Call`."""
        return next(self._call_ids)

    async def movements(
        self, user_id: UserId, *, before: int | None = None, limit: int = 50
    ) -> Sequence[Movement]:
        """The user's ledger entries with `id < before`, newest first. Raises StoreUnavailable."""
        rows = await self._reader.rows(MOVEMENTS, user_id, before or LARGEST, limit)
        return [_movement(*row) for row in rows]


def _movement(id_: int, amount: int, balance: int, reason: str, key: str, at: int) -> Movement:
    return Movement(id_, amount, balance, reason, key, from_micros(at))


def _profile(
    user_id: UserId,
    telegram_user_id: int,
    username: str | None,
    first_name: str | None,
    last_name: str | None,
    language_code: str | None,
    registration_date: str,
    last_login: str,
    is_active: int,
) -> Profile:
    return Profile(
        user_id=user_id,
        telegram_user_id=telegram_user_id,
        username=username,
        first_name=first_name,
        last_name=last_name,
        language_code=language_code,
        registration_date=datetime.fromisoformat(registration_date),
        last_login=datetime.fromisoformat(last_login),
        is_active=bool(is_active),
    )


def _subscription(
    plan_type: str, status: str, start_date: str, end_date: str | None
) -> Subscription:
    return Subscription.model_validate(
        {
            "plan_type": plan_type,
            "status": status,
            "start_date": start_date,
            "end_date": end_date,
        }
    )
