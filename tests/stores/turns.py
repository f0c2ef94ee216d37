"""Commits as turns make them, without the actors."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any

from yabot.domain.commands import Command, MoveBesitos, RegisterUser
from yabot.domain.decide import decide
from yabot.domain.decision import Decision
from yabot.users.ports import Arrival, Commit, Mail, Stored, UserStore

_keys = count(1)


def commit_of(
    stored: Stored, user_id: str, now: datetime, *commands: Command, **leaves: Any
) -> Commit:
    """The commit of a turn that applies these commands; `leaves` are further fields of Commit."""
    user = stored.user
    made: dict[str, Any] = {"ledger": (), "events": (), "commands": ()}
    for command in commands:
        decision = decide(user, command, now)
        assert isinstance(decision, Decision), decision
        user = decision.after
        for field in made:
            made[field] += getattr(decision, field)
    for field in made:
        made[field] += leaves.pop(field, ())
    key = leaves.pop("key", f"api:test:{next(_keys)}")
    return Commit(
        key=key,
        user_id=user_id,
        now=now,
        correlation_id=key,
        before=stored.user,
        after=user.touched(now) if user is not None else None,
        version=stored.version,
        **made,
        **leaves,
    )


async def take_turn(
    store: UserStore, user_id: str, now: datetime, *commands: Command, **leaves: Any
) -> Stored:
    """Load, apply, commit; what the actor would then hold in memory."""
    commit = commit_of(await store.load(user_id), user_id, now, *commands, **leaves)
    return Stored(commit.after, await store.commit(commit))


def registration(user_id: str) -> RegisterUser:
    """The command that makes a user."""
    return RegisterUser(telegram_user_id=int(user_id), first_name="Ana", username="ana")


def earn(amount: int) -> MoveBesitos:
    """The command that adds besitos."""
    return MoveBesitos(amount=amount, reason="test")


def arrival(update_id: int, user_id: str = "1", bot_id: int = 7) -> Arrival:
    """An update as it comes in."""
    body = b'{"update_id":%d,"message":{"text":"hola"}}' % update_id
    update = {"update_id": update_id, "message": {"text": "hola"}}
    return Arrival(user_id, bot_id, update_id, update, body)


def ids(mails: Sequence[Mail]) -> list[int]:
    """The update ids of some mail."""
    return [mail.update_id for mail in mails]
