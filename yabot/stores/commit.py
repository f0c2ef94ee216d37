"""A turn's Commit as rows.

The rule: only what the turn changed is written, except the document, whose version is what keeps
two computations from the same state apart. Parts are compared by identity, as values are frozen.
"""

import secrets
from collections.abc import Iterator

from yabot.domain.events import Fact
from yabot.domain.user import Profile, Subscription, User
from yabot.stores.moments import to_micros
from yabot.stores.statements import Statement
from yabot.stores.transaction import Row
from yabot.users.ports import Commit

ROW_BYTES = 150
"""What a row weighs without its JSON, about."""


class CommitRows:
    """The rows of one commit, and about how many bytes they hold."""

    __slots__ = ("_at", "_commit", "_epoch", "_event_ids", "rows", "size")

    def __init__(self, commit: Commit, epoch: int, event_ids: Iterator[str]) -> None:
        self._commit = commit
        self._epoch = epoch
        self._event_ids = event_ids
        self._at = to_micros(commit.now)
        self.rows: list[Row] = []
        self.size = 0
        self._settle()
        self._put_user()
        self._leave()

    def _add(self, statement: Statement, *parameters: object, size: int = 0) -> None:
        self.rows.append((statement, parameters))
        self.size += ROW_BYTES + size

    def _settle(self) -> None:
        """The marks that make this the only effect of its message."""
        commit = self._commit
        if commit.mail_seq is not None:
            self._add(Statement.INBOX_MARK, self._at, commit.mail_seq)
        if commit.command_id is not None:
            self._add(Statement.COMMAND_REMOVE, commit.command_id)
        # A key outlives a deletion by its answer alone: nobody's keys name nobody.
        owner = commit.user_id if commit.after is not None else ""
        if commit.answer is not None:
            body = commit.answer.body
            row = (commit.key, owner, commit.answer.fingerprint, body.decode(), self._at)
            self._add(Statement.KEY_ADD, *row, size=len(body))
        elif commit.command_id is not None:
            self._add(Statement.KEY_ADD, commit.key, owner, "", "{}", self._at)

    def _put_user(self) -> None:
        before, after = self._commit.before, self._commit.after
        if after is None:
            if before is not None:
                self._erase()
            return
        self._put_document(after)
        if before is None or after.profile is not before.profile:
            self._put_profile(after.profile)
        if before is None or after.subscription is not before.subscription:
            self._put_subscription(before.subscription if before else None, after.subscription)
        for entry in self._commit.ledger:
            row = (entry.amount, entry.balance, entry.reason, self._commit.key, self._at)
            self._add(Statement.LEDGER_ADD, self._commit.user_id, *row)

    def _put_document(self, user: User) -> None:
        body = user.document.__pydantic_serializer__.to_json(user.document)
        version = self._commit.version + 1
        self._add(
            Statement.DOCUMENT_PUT,
            self._commit.user_id,
            self._epoch,
            version,
            body.decode(),
            size=len(body),
        )

    def _put_profile(self, profile: Profile) -> None:
        self._add(
            Statement.PROFILE_PUT,
            self._commit.user_id,
            profile.telegram_user_id,
            profile.username,
            profile.first_name,
            profile.last_name,
            profile.language_code,
            profile.registration_date.isoformat(),
            profile.last_login.isoformat(),
            profile.is_active,
        )

    def _put_subscription(self, before: Subscription | None, after: Subscription) -> None:
        """The same plan goes on in its row; another one gets a row of its own."""
        user_id, now = self._commit.user_id, self._commit.now.isoformat()
        ends = after.end_date and after.end_date.isoformat()
        if (
            before is not None
            and before.plan_type == after.plan_type
            and before.start_date == after.start_date
        ):
            self._add(Statement.SUBSCRIPTION_UPDATE, after.status, ends, now, user_id)
            return
        if before is not None:
            self._add(Statement.SUBSCRIPTION_RETIRE, now, user_id)
        starts = after.start_date.isoformat()
        plan = (after.plan_type, after.status, starts, ends, now, now)
        self._add(Statement.SUBSCRIPTION_ADD, user_id, *plan)

    def _erase(self) -> None:
        """Forget a person: a tombstone with the version stays, and a ledger that names nobody."""
        user_id = self._commit.user_id
        pseudonym = f"erased:{secrets.token_hex(12)}"
        self._add(Statement.ERASE_SUBSCRIPTIONS, user_id)
        self._add(Statement.ERASE_PROFILE, user_id)
        self._add(Statement.ERASE_LEDGER_OWNER, pseudonym, user_id)
        self._add(Statement.ERASE_WALLET_OWNER, pseudonym, user_id)
        self._add(Statement.ERASE_KEYS, user_id)
        self._add(Statement.ERASE_COMMANDS, user_id)
        self._add(Statement.ERASE_DEAD_LETTERS, user_id)
        self._add(Statement.ERASE_EVENTS, user_id)
        self._add(
            Statement.ERASE_DOCUMENT, user_id, self._epoch, self._commit.version + 1, self._at
        )

    def _leave(self) -> None:
        """The outboxes, in the order in which the turn filled them."""
        commit = self._commit
        for event in commit.events:
            self._put_event(event)
        for call in commit.calls:
            row = (call.id, commit.user_id, call.lane, call.method, call.params.decode(), self._at)
            self._add(Statement.REPLY_ADD, *row, size=len(call.params))
        for durable in commit.commands:
            command = durable.command.model_dump_json()
            due = to_micros(durable.due_at)
            what = (durable.user_id, due, command, durable.unique_key)
            causes = (commit.correlation_id, commit.traceparent)
            self._add(Statement.COMMAND_ADD, *what, *causes, self._at)
        for letter in commit.dead_letters:
            text = letter.body.decode()
            kept = (letter.kind, letter.key, letter.user_id, letter.error, text, self._at)
            self._add(Statement.DEAD_LETTER_ADD, *kept, size=len(letter.body))

    def _put_event(self, event: Fact) -> None:
        payload = event.to_json()
        self._add(
            Statement.EVENT_ADD,
            next(self._event_ids),
            self._commit.user_id,
            self._epoch,
            event.name,
            event.version,
            self._commit.correlation_id,
            self._commit.causation_id,
            self._commit.traceparent,
            payload.decode(),
            self._at,
            size=len(payload),
        )
