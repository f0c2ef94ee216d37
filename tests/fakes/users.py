"""MemoryUsers: the users, and the commits that change them."""

from itertools import count

from anyio.lowlevel import checkpoint

from tests.fakes.commands import MemoryCommands
from tests.fakes.inbox import MemoryInbox
from tests.fakes.replies import MemoryReplies
from yabot.domain.values import UserId
from yabot.errors import AlreadyProcessed, CommitRefused, StaleVersion, StoreUnavailable
from yabot.users.ports import Answer, Commit, DeadLetter, Stored

NOBODY = Stored(None, 0)
OF_AN_UPDATE = Answer("", b"")
OF_A_COMMAND = Answer("", b"{}")


class MemoryUsers:
    """A UserStore. A commit is judged whole, then kept whole, with no await in between.

    `failing` makes it unavailable; the next commits raise `errors`, one each. `commits` holds what
    was kept, in order.
    """

    def __init__(
        self,
        inbox: MemoryInbox,
        replies: MemoryReplies,
        commands: MemoryCommands,
        dead_letters: list[DeadLetter],
    ) -> None:
        self._inbox = inbox
        self._replies = replies
        self._commands = commands
        self._dead_letters = dead_letters
        self._users: dict[UserId, Stored] = {}
        self._answers: dict[str, tuple[UserId, Answer]] = {}
        self._call_ids = count(1)
        self.commits: list[Commit] = []
        self.errors: list[Exception] = []
        self.failing = False

    async def load(self, user_id: UserId, *, fenced: bool = False) -> Stored:
        await checkpoint()
        self._check()
        return self._users.get(user_id, NOBODY)

    async def answer(self, key: str) -> Answer | None:
        await checkpoint()
        self._check()
        if self._inbox.has_processed(key):
            return OF_AN_UPDATE
        return self._answers[key][1] if key in self._answers else None

    async def commit(self, commit: Commit) -> int:
        self._check()
        if self.errors:
            raise self.errors.pop(0)
        self._judge(commit)
        self._settle(commit)
        self._leave(commit)
        self.commits.append(commit)
        await checkpoint()
        return commit.version if _knows_nobody(commit) else commit.version + 1

    async def find(self, username: str) -> UserId | None:
        """As `yabot.services.gifts.UserNames`."""
        await checkpoint()
        self._check()
        known = (stored.user.profile for stored in self._users.values() if stored.user is not None)
        named = [who for who in known if (who.username or "").lower() == username.lower()]
        return max(named, key=lambda who: who.last_login).user_id if named else None

    def next_call_id(self) -> int:
        return next(self._call_ids)

    def _check(self) -> None:
        if self.failing:
            raise StoreUnavailable("the users are away", retry_after=0.01)

    def _judge(self, commit: Commit) -> None:
        """A repetition is known as one even when it is stale as well."""
        if commit.mail_seq is not None and self._inbox.has_marked(commit.mail_seq):
            raise AlreadyProcessed(f"update {commit.mail_seq} is marked")
        if _answer(commit) is not None and commit.key in self._answers:
            raise AlreadyProcessed(f"{commit.key} has an answer")
        stored = self._users.get(commit.user_id, NOBODY)
        if not _knows_nobody(commit) and commit.version != stored.version:
            raise StaleVersion(f"{commit.user_id} is at {stored.version}, not {commit.version}")
        balance = stored.user.balance if stored.user is not None else 0
        for entry in commit.ledger:
            balance += entry.amount
            if entry.balance != balance:
                raise CommitRefused(f"{entry} leaves {balance}")

    def _settle(self, commit: Commit) -> None:
        """The user as they are now, and the marks that make this the message's only effect."""
        if not _knows_nobody(commit):
            self._users[commit.user_id] = Stored(commit.after, commit.version + 1)
            self._replies.remember(commit.user_id)
        if commit.before is not None and commit.after is None:
            self._forget(commit.user_id)
        if commit.mail_seq is not None:
            self._inbox.mark(commit.mail_seq)
        if commit.command_id is not None:
            self._commands.remove(commit.command_id)
        answer = _answer(commit)
        if answer is not None:
            owner = commit.user_id if commit.after is not None else ""
            self._answers[commit.key] = (owner, answer)

    def _leave(self, commit: Commit) -> None:
        for call in commit.calls:
            self._replies.add(commit.user_id, call, commit.now)
        for command in commit.commands:
            self._commands.add(command, commit.correlation_id, commit.traceparent)
        self._dead_letters.extend(commit.dead_letters)

    def _forget(self, user_id: UserId) -> None:
        self._answers = {k: kept for k, kept in self._answers.items() if kept[0] != user_id}
        self._commands.forget(user_id)
        self._replies.forget(user_id)
        self._dead_letters[:] = [left for left in self._dead_letters if left.user_id != user_id]


def _answer(commit: Commit) -> Answer | None:
    """What the commit keeps under its key; an update's mark is its answer."""
    if commit.answer is None and commit.command_id is not None:
        return OF_A_COMMAND
    return commit.answer


def _knows_nobody(commit: Commit) -> bool:
    return commit.before is None and commit.after is None
