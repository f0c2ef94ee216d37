"""Replays: a dead letter goes back to where it came from, once, and stays where it can't."""

from pathlib import Path

import orjson
import pytest

from tests.stores.running import Clock, query, running
from tests.stores.turns import earn, registration, take_turn
from yabot.api.problems import Problem, Refusal
from yabot.domain.commands import MoveBesitos
from yabot.domain.decision import Once
from yabot.stores.database import DatabaseManager
from yabot.stores.replays import CannotReplay, UnknownLetter
from yabot.users.ports import Arrival, Call, DeadLetter, Mail
from yabot.wiring.letters import StoredLetters

pytestmark = pytest.mark.anyio

BODY = b'{"update_id":1,"message":{"text":"hola"}}'


async def set_aside(db: DatabaseManager, kind: str, key: str, body: bytes) -> int:
    """A letter of user 1; its id."""
    await db.dead_letters.add(DeadLetter(kind, key, "1", "ValueError: no", body))
    return (await db.dead_letters.page())[-1].id


async def test_an_update_is_unprocessed_again_and_the_newest_of_all(
    db: DatabaseManager, clock: Clock, path: Path
) -> None:
    arrival = Arrival("1", 7, 1, orjson.loads(BODY), BODY)
    (mail,) = await db.inbox.accept([arrival])
    later = await db.inbox.accept([Arrival("1", 7, 2, {"update_id": 2}, b'{"update_id":2}')])
    await take_turn(db.users, "1", clock(), key=mail.key, mail_seq=mail.seq)
    letter_id = await set_aside(db, "update", "tg:7:1", BODY)

    back = await db.replays.replay(letter_id)
    assert back is not None
    assert (back.key, back.user_id, back.attempts) == (mail.key, "1", 0)
    assert back.seq > later[0].seq
    assert back.update == orjson.loads(BODY)
    assert await db.dead_letters.count() == 0
    assert db.inbox.backlog() == 2
    assert list(await db.inbox.leftovers(0, 10)) == [*later, back]
    await take_turn(db.users, "1", clock(), key=back.key, mail_seq=back.seq)
    assert db.inbox.backlog() == 1
    assert await db.inbox.accept([arrival]) == []


async def test_an_update_comes_back_after_its_mark_was_pruned_too(
    db: DatabaseManager, path: Path
) -> None:
    back = await db.replays.replay(await set_aside(db, "update", "tg:7:99", BODY))
    assert back is not None
    assert query(path, "SELECT update_id FROM inbox WHERE processed_at IS NULL") == [(99,)]


async def test_a_command_is_due_now(db: DatabaseManager, clock: Clock) -> None:
    body = earn(5).model_dump_json().encode()
    assert await db.replays.replay(await set_aside(db, "command", "cmd:3", body)) is None
    (due,) = await db.commands.due(clock(), 0, 10)
    assert due.user_id == "1"
    assert isinstance(due.command, MoveBesitos)
    assert await db.dead_letters.count() == 0


async def test_a_command_of_another_version_stays(db: DatabaseManager) -> None:
    letter_id = await set_aside(db, "command", "cmd:3", b'{"kind":"of_tomorrow"}')
    with pytest.raises(CannotReplay, match="can't read the command"):
        await db.replays.replay(letter_id)
    assert await db.dead_letters.count() == 1


async def test_a_refused_reply_waits_for_telegram_again(db: DatabaseManager, clock: Clock) -> None:
    call = Call(db.users.next_call_id(), "chat:1", "sendMessage", '{"text":"¡Hola!"}'.encode())
    await take_turn(db.users, "1", clock(), registration("1"), calls=(call,))
    (row,) = await db.replies.read(0, 10)
    await db.replies.refused(row, "Bad Request", unreachable=False)
    (stored,) = await db.dead_letters.page()
    clock.advance(hours=3)
    await db.replays.replay(stored.id)
    (again,) = await db.replies.read(0, 10)
    assert again.call == call
    assert again.created_at == clock()
    assert again.seq > row.seq
    assert await db.dead_letters.count() == 0


async def test_a_reply_that_an_older_version_kept_stays(db: DatabaseManager) -> None:
    letter_id = await set_aside(db, "reply", "call:5", b'{"chat_id":1,"text":"hola"}')
    with pytest.raises(CannotReplay, match="an older version kept this letter"):
        await db.replays.replay(letter_id)


async def test_an_event_waits_for_its_group_with_its_letter(db: DatabaseManager) -> None:
    mine, other = db.events.feed("menus"), db.events.feed("menu")
    assert await mine.returned() == []
    letter_id = await set_aside(db, "event", "menus:e-1", b'{"id":"e-1"}')
    await db.replays.replay(letter_id)
    (returned,) = await mine.returned()
    assert (returned.id, returned.body) == (letter_id, b'{"id":"e-1"}')
    assert await other.returned() == []
    assert await db.dead_letters.count() == 1

    await mine.tried(letter_id, "menus: ValueError: again")
    assert await mine.returned() == []
    stored = await db.dead_letters.get(letter_id)
    assert stored is not None
    assert stored.letter.error == "menus: ValueError: again"

    await db.replays.replay(letter_id)
    assert await mine.returned() != []
    await mine.tried(letter_id, None)
    assert await db.dead_letters.count() == 0


async def test_an_event_that_goes_back_without_a_bot_waits_for_the_next_one(
    path: Path, clock: Clock
) -> None:
    async with running(path, clock) as db:
        await db.replays.replay(await set_aside(db, "event", "menus:e-1", b"{}"))
    async with running(path, clock) as db:
        assert len(await db.events.feed("menus").returned()) == 1


@pytest.mark.parametrize("kind", ["update", "reply"])
async def test_a_letter_that_does_not_say_where_it_came_from_stays(
    db: DatabaseManager, kind: str
) -> None:
    letter_id = await set_aside(db, kind, "somewhere", BODY)
    with pytest.raises(CannotReplay, match="does not say where it came from"):
        await db.replays.replay(letter_id)
    assert await db.dead_letters.count() == 1


async def test_what_nobody_knows_is_told(db: DatabaseManager) -> None:
    letter_id = await set_aside(db, "postcard", "x", b"{}")
    with pytest.raises(CannotReplay, match="of the kind postcard"):
        await db.replays.replay(letter_id)
    for work in (db.replays.replay, db.replays.discard):
        with pytest.raises(UnknownLetter, match="no dead letter 999"):
            await work(999)


@pytest.mark.parametrize(
    ("kind", "key", "body"),
    [
        ("update", "tg:7:1", BODY),
        ("command", "cmd:3", earn(5).model_dump_json().encode()),
        ("reply", "call:5", b'{"lane":"chat:1","method":"sendMessage","params":{}}'),
        ("event", "menus:e-1", b"{}"),
        ("document", "document:1", b"{}"),
    ],
)
async def test_a_letter_goes_back_once_per_key(
    db: DatabaseManager, kind: str, key: str, body: bytes
) -> None:
    delivered: list[Mail] = []
    letters = StoredLetters(db.replays, delivered.append)
    first, other = [await set_aside(db, kind, key, body) for _ in range(2)]
    once = Once("api:operator:replay_dead_letter:k", f"of {first}")
    assert await letters.replay(first, once)
    went = len(delivered)
    assert not await letters.replay(first, once)
    with pytest.raises(Refusal, match="key_reused"):
        await letters.replay(other, Once(once.key, f"of {other}"))
    with pytest.raises(Problem, match="letter_unknown"):
        await letters.replay(999, Once("another", "of 999"))
    assert len(delivered) == went
    assert await db.dead_letters.get(other) is not None


async def test_a_discarded_letter_is_gone(db: DatabaseManager) -> None:
    letter_id = await set_aside(db, "update", "tg:7:1", BODY)
    await db.replays.discard(letter_id)
    assert await db.dead_letters.get(letter_id) is None


async def test_letters_of_one_kind_are_listed(db: DatabaseManager) -> None:
    for kind in ("update", "event", "update"):
        await set_aside(db, kind, "k", b"{}")
    assert [one.letter.kind for one in await db.dead_letters.page(kind="update")] == ["update"] * 2
    assert len(await db.dead_letters.page(kind="event")) == 1
