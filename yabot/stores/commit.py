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
        self.size += ROW_BYTES * len(self.rows)

    def _settle(self) -> None:
        """The marks that make this the only effect of its message."""
        commit, at = self._commit, self._at
        if commit.mail_seq is not None:
            self.rows.append((Statement.INBOX_MARK, (at, commit.mail_seq)))
        if commit.command_id is not None:
            self.rows.append((Statement.COMMAND_REMOVE, (commit.command_id,)))
        # A key outlives a deletion by its answer alone: nobody's keys name nobody.
        owner = commit.user_id if commit.after is not None else ""
        if commit.answer is not None:
            body = commit.answer.body
            row = (commit.key, owner, commit.answer.fingerprint, body.decode(), at)
            self.rows.append((Statement.KEY_ADD, row))
            self.size += len(body)
        elif commit.command_id is not None:
            self.rows.append((Statement.KEY_ADD, (commit.key, owner, "", "{}", at)))

    def _put_user(self) -> None:
        commit, before, after = self._commit, self._commit.before, self._commit.after
        if after is None:
            if before is not None:
                self._erase()
            return
        self._put_document(after)
        if before is None or after.profile is not before.profile:
            self._put_profile(after.profile)
        if before is None or after.subscription is not before.subscription:
            self._put_subscription(before.subscription if before else None, after.subscription)
        for entry in commit.ledger:
            moved = (entry.amount, entry.balance, entry.reason, commit.key, self._at)
            self.rows.append((Statement.LEDGER_ADD, (commit.user_id, *moved)))

    def _put_document(self, user: User) -> None:
        commit = self._commit
        body = user.document.__pydantic_serializer__.to_json(user.document)
        row = (commit.user_id, self._epoch, commit.version + 1, body.decode())
        self.rows.append((Statement.DOCUMENT_PUT, row))
        self.size += len(body)

    def _put_profile(self, profile: Profile) -> None:
        row = (
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
        self.rows.append((Statement.PROFILE_PUT, row))

    def _put_subscription(self, before: Subscription | None, after: Subscription) -> None:
        """The same plan goes on in its row; another one gets a row of its own."""
        user_id, now = self._commit.user_id, self._commit.now.isoformat()
        ends = after.end_date and after.end_date.isoformat()
        if (
            before is not None
            and before.plan_type == after.plan_type
            and before.start_date == after.start_date
        ):
            changed = (after.status, ends, now, user_id)
            self.rows.append((Statement.SUBSCRIPTION_UPDATE, changed))
            return
        if before is not None:
            self.rows.append((Statement.SUBSCRIPTION_RETIRE, (now, user_id)))
        starts = after.start_date.isoformat()
        plan = (after.plan_type, after.status, starts, ends, now, now)
        self.rows.append((Statement.SUBSCRIPTION_ADD, (user_id, *plan)))

    def _erase(self) -> None:
        """Forget a person: a tombstone with the version stays, and a ledger that names nobody."""
        user_id = self._commit.user_id
        pseudonym = f"erased:{secrets.token_hex(12)}"
        tombstone = (user_id, self._epoch, self._commit.version + 1, self._at)
        self.rows += (
            (Statement.ERASE_SUBSCRIPTIONS, (user_id,)),
            (Statement.ERASE_PROFILE, (user_id,)),
            (Statement.ERASE_LEDGER_OWNER, (pseudonym, user_id)),
            (Statement.ERASE_WALLET_OWNER, (pseudonym, user_id)),
            (Statement.ERASE_KEYS, (user_id,)),
            (Statement.ERASE_COMMANDS, (user_id,)),
            (Statement.ERASE_DEAD_LETTERS, (user_id,)),
            (Statement.ERASE_EVENTS, (user_id,)),
            (Statement.ERASE_DOCUMENT, tombstone),
        )

    def _leave(self) -> None:
        """The outboxes, in the order in which the turn filled them."""
        commit, at = self._commit, self._at
        for event in commit.events:
            self._put_event(event)
        for call in commit.calls:
            row = (call.id, commit.user_id, call.lane, call.method, call.params.decode(), at)
            self.rows.append((Statement.REPLY_ADD, row))
            self.size += len(call.params)
        for durable in commit.commands:
            command = durable.command.model_dump_json()
            due = to_micros(durable.due_at)
            what = (durable.user_id, due, command, durable.unique_key)
            causes = (commit.correlation_id, commit.traceparent)
            self.rows.append((Statement.COMMAND_ADD, (*what, *causes, at)))
            self.size += len(command)
        for letter in commit.dead_letters:
            text = letter.body.decode()
            kept = (letter.kind, letter.key, letter.user_id, letter.error, text, at)
            self.rows.append((Statement.DEAD_LETTER_ADD, kept))
            self.size += len(letter.body)

    def _put_event(self, event: Fact) -> None:
        commit = self._commit
        payload = event.to_json()
        row = (
            next(self._event_ids),
            commit.user_id,
            self._epoch,
            event.name,
            event.version,
            commit.correlation_id,
            commit.causation_id,
            commit.traceparent,
            payload.decode(),
            self._at,
        )
        self.rows.append((Statement.EVENT_ADD, row))
        self.size += len(payload)
