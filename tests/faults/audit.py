"""Every promise that broke, one sentence each, read from the database and from the screens.

The rule: it trusts nothing that the bot says of itself, only what is on disk and what people saw.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import orjson

from tests.faults.crowd import Crowd, Walker
from tests.faults.recording import FILE, told_events
from yabot.domain.user import CHOICES_KEPT

WAITING = {
    "updates that were never handled": "SELECT count(*) FROM inbox WHERE processed_at IS NULL",
    "calls that never left": "SELECT count(*) FROM outbox_replies",
    "commands that were never done": "SELECT count(*) FROM outbox_commands",
    "things set aside": "SELECT count(*) FROM dead_letters",
    "events that a relay has not taken": """
        SELECT (SELECT max(seq) FROM outbox_events) - coalesce(min(position), 0) FROM relays""",
}

PROFILES_APART = """
    WITH people AS (SELECT user_id FROM user_documents WHERE document IS NOT NULL)
    SELECT user_id FROM (SELECT user_id FROM user_profiles EXCEPT SELECT user_id FROM people)
    UNION SELECT user_id FROM (SELECT user_id FROM people EXCEPT SELECT user_id FROM user_profiles)
"""
PURSES_APART = """
    SELECT user_id FROM wallets
    WHERE balance IS NOT coalesce(
        (SELECT sum(amount) FROM ledger WHERE ledger.user_id = wallets.user_id), 0)"""
PAID_TWICE = "SELECT user_id, key FROM ledger GROUP BY user_id, key, reason HAVING count(*) > 1"
GAPS = """
    SELECT user_id FROM outbox_events GROUP BY user_id
    HAVING count(*) <> max(sequence) OR min(sequence) <> 1"""


def opened(database: Path) -> sqlite3.Connection:
    """The bot's database, to read from; it may be running."""
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)


def waiting(database: Path) -> list[str]:
    """What has not come to its end yet."""
    with closing(opened(database)) as db:
        counts = {what: db.execute(statement).fetchone()[0] for what, statement in WAITING.items()}
    return [f"{count} {what}" for what, count in counts.items() if count]


ASKED_FOR = 3
"""Messages that a person gets for what they write; all else is shown by edits and answers."""


def audit(database: Path, crowd: Crowd, *, deaths: int = 0) -> list[str]:
    """Every promise that broke. Call it when everybody has been answered.

    `deaths` is how often the bot died: each may have repeated one message of each person.
    """
    found = waiting(database)
    with closing(opened(database)) as db:
        found += [
            f"{user}: profile and document are not together" for user in _users(db, PROFILES_APART)
        ]
        found += [f"{user}: the purse is not its ledger" for user in _users(db, PURSES_APART)]
        found += [f"{user}: one update was paid twice" for user in _users(db, PAID_TWICE)]
        found += [f"{user}: events are missing in between" for user in _users(db, GAPS)]
        for walker in crowd.walkers.values():
            found += (f"{walker.id}: {broken}" for broken in _of_walker(db, walker, crowd.bot.id))
            got = walker.messages_from_the_bot()
            if not ASKED_FOR <= got <= ASKED_FOR + deaths:
                found.append(f"{walker.id}: {got} messages for {ASKED_FOR} that were asked for")
        told = database.with_name(FILE)
        if told.exists():
            found += _of_events(db, told_events(told.parent))
    return found


def _of_events(db: sqlite3.Connection, told: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Each event at least once, and a later one never before an earlier one was told."""
    for user_id, last in db.execute("SELECT user_id, last FROM event_sequences"):
        newest = 0
        for sequence in told.get(user_id, ()):
            if sequence > newest + 1:
                yield f"{user_id}: event {sequence} was told before event {newest + 1}"
            newest = max(newest, sequence)
        if newest < last:
            yield f"{user_id}: events from {newest + 1} to {last} were never told"


def _of_walker(db: sqlite3.Connection, walker: Walker, bot_id: int) -> Iterator[str]:
    journey, user_id = walker.journey, str(walker.id)
    choices = [(fragment, choice) for _, fragment, choice in journey.choices]
    yield from _compare("choices", choices[-CHOICES_KEPT:], _choices(db, user_id))
    keys = [f"tg:{bot_id}:{update_id}" for update_id, _, _ in journey.choices]
    yield from _compare("facts of choices", keys, _facts(db, user_id))
    balance = db.execute("SELECT balance FROM wallets WHERE user_id = ?", (user_id,)).fetchone()
    if balance != (journey.balance,):
        yield f"the purse holds {balance}, not {journey.balance}"
    if unanswered := walker.asked - walker.answered:
        yield f"{len(unanswered)} presses were never answered"
    yield from _compare("screens", journey.shows, walker.shown)


def _compare(what: str, expected: Sequence[object], found: Sequence[object]) -> Iterator[str]:
    """In one sentence each: lost, doubled, or in another order."""
    if expected == found:
        return
    lost = Counter(expected) - Counter(found)
    doubled = Counter(found) - Counter(expected)
    if lost:
        yield f"{lost.total()} {what} lost, such as {next(iter(lost))}"
    if doubled:
        yield f"{doubled.total()} {what} too many, such as {next(iter(doubled))}"
    if not lost and not doubled:
        yield f"{what} out of order"


def _choices(db: sqlite3.Connection, user_id: str) -> list[tuple[str, str]]:
    row = db.execute("SELECT document FROM user_documents WHERE user_id = ?", (user_id,)).fetchone()
    if row is None:
        return []
    progress = orjson.loads(row[0])["current_state"]["narrative_progress"]
    return [(made["fragment"], made["choice"]) for made in progress["choices_made"]]


def _facts(db: sqlite3.Connection, user_id: str) -> list[str]:
    rows = db.execute(
        "SELECT correlation_id FROM outbox_events WHERE user_id = ? AND name = 'decision_made'"
        " ORDER BY sequence",
        (user_id,),
    )
    return [key for (key,) in rows]


def _users(db: sqlite3.Connection, statement: str) -> list[str]:
    return [row[0] for row in db.execute(statement)]
