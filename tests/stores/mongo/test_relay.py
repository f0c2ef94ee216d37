"""DocumentRelay: every document gets to the server, whatever happens on the way."""

from pathlib import Path

import anyio
import pytest

from tests.fakes.documents import MemoryDocuments
from tests.stores.mongo.copying import Awkward, AwkwardServer, copied
from tests.stores.running import Clock, query
from tests.stores.turns import commit_of
from tests.waiting import until
from yabot.domain.commands import DeleteUser
from yabot.stores import documents
from yabot.stores.mongo.connection import MongoConnection
from yabot.stores.mongo.ports import Mark
from yabot.stores.statements import Statement

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick")]


async def test_documents_content_and_mark_get_to_the_server(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1", "2")
        await it.turn("1")
        await it.level()
        assert await server.places() == {"1": (1, 2), "2": (1, 1)}
        memory = server.documents.documents
        assert isinstance(memory, MemoryDocuments)
        assert {language for language, _ in memory.fragments} == {"es", "en"}


async def test_the_newest_version_alone_is_brought_after_a_gap(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        server.documents.away = True
        for _ in range(5):
            await it.turn("1")
        server.documents.puts.clear()
        server.documents.away = False
        await it.level()
        brought = [document.version for batch in server.documents.puts for document in batch]
        assert set(brought) == {6}


async def test_what_comes_late_or_twice_changes_nothing(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.turn("1")
        await it.level()
        first = server.documents.puts[0]
        for _ in range(2):
            await server.documents.put(first)
        assert await server.places() == await it.places()


async def test_a_document_that_comes_late_does_not_bring_back_who_was_deleted(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        late = server.documents.puts[0]
        stored = await it.db.users.load("1")
        await it.db.users.commit(commit_of(stored, "1", clock(), DeleteUser()))
        await it.level()
        await server.documents.put(late)
        kept = await server.documents.get("1")
        assert kept is not None
        assert (kept.version, kept.body) == (2, None)


@pytest.mark.parametrize("what", ["put", "mark", "put_mark", "put_content"])
async def test_a_lost_answer_costs_a_repetition_and_no_more(
    what: str, path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        server.documents.lost = [what] * 2
        await it.register("1", "2")
        await it.level()
        assert server.documents.lost == []
        assert await server.places() == await it.places()
        server.documents.lost = [what] * 2 if what != "put_content" else []
        resyncs = it.db.copying.resyncs
        await it.turn("1")
        await it.level()
        assert await server.places() == await it.places()
        assert it.db.copying.resyncs == resyncs


async def test_a_server_that_is_too_slow_for_a_batch_gets_smaller_ones(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.level()
        server.documents.away = True
        await it.register(*map(str, range(1, 301)))
        server.documents.away, server.documents.in_time = False, 40
        await it.level()
        assert await server.places() == await it.places()
        server.documents.in_time = 1_000
        server.documents.away = True
        for user in range(1, 301):
            await it.turn(str(user))
        server.documents.away = False
        await it.level()
        sizes = [len(batch) for batch in server.documents.puts]
        assert max(sizes[-5:]) > 40


@pytest.mark.parametrize(
    "document",
    ['{"updated_at":"2026-01-01"}', '{"updated_at":"yesterday"}', "{}", "[]", "{not JSON"],
)
async def test_a_refused_document_is_set_aside_and_holds_up_nobody(
    document: str, path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.db.writer.write((Statement.DOCUMENT_PUT, ("9", 1, 1, document)))
        await it.register("2")
        await until(lambda: it.db.copying.refused == 1)
        await it.turn("1")
        await it.level()
        assert await server.places() == {"1": (1, 2), "2": (1, 1)}
        (letter,) = await it.db.dead_letters.page()
        assert letter.letter.user_id == "9"

        await it.db.documents.replay(letter)
        await until(lambda: it.db.copying.refused == 2)
        (again,) = await it.db.dead_letters.page()
        assert again.id > letter.id


async def test_nothing_is_set_aside_for_a_server_whose_collections_have_changed(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.level()
        server.difference = "users: the validator differs"
        await it.db.writer.write(
            (Statement.DOCUMENT_PUT, ("9", 1, 1, '{"updated_at":"2026-01-01"}'))
        )
        await until(lambda: connection.trouble is not None and "validator" in connection.trouble)
        assert await it.db.dead_letters.count() == 0
        server.difference = None
        await until(lambda: it.db.copying.refused == 1)


async def test_how_far_the_copy_lags_is_seen_after_a_restart_too(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        assert it.db.documents.lag() == 0
        server.documents.away = True
        await it.turn("1")
        assert it.db.documents.lag() > 0
    async with copied(path, clock, connection) as it:
        assert it.db.documents.lag() > 0
        server.documents.away = False
        await it.level()
        assert it.db.documents.lag() == 0


async def test_turns_go_on_without_the_server_and_memory_stays_bounded(
    path: Path,
    clock: Clock,
    server: AwkwardServer,
    connection: MongoConnection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with copied(path, clock, connection) as it:
        await it.level()
        monkeypatch.setattr(documents, "SLICE", 2)
        monkeypatch.setattr(it.db.documents._ahead, "_most", 10)
        server.documents.away = True
        with anyio.fail_after(10):
            await it.register(*map(str, range(1, 31)))
        assert it.db.documents.waiting() <= 11
        server.documents.away = False
        await it.level()
        assert await server.places() == await it.places()


async def test_a_server_that_lost_what_it_had_acknowledged_gets_everything_again(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1", "2")
        await it.level()
        old = server.documents.documents
        assert isinstance(old, MemoryDocuments)
        backup, mark = dict(old.users), await old.mark()
        await it.turn("1")
        await it.register("3")
        await it.level()
        assert mark is not None
        old.users = backup
        await old.put_mark(mark)
        await until(lambda: it.db.copying.resyncs == 2)
        await it.level()
        assert await server.places() == {"1": (1, 2), "2": (1, 1), "3": (1, 1)}


async def test_a_new_empty_server_gets_everything(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1", "2")
        await it.level()
    server.documents = Awkward(MemoryDocuments())
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == await it.places()
        memory = server.documents.documents
        assert isinstance(memory, MemoryDocuments)
        assert memory.fragments


async def test_a_resync_that_is_interrupted_begins_again(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register(*map(str, range(1, 21)))
        await it.level()
        mark = it.db.documents.deliveries.mark
    server.documents = Awkward(MemoryDocuments())
    await server.documents.put_mark(Mark(mark.database_id, mark.epoch, -1))
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == await it.places()


async def test_a_database_that_was_restored_outranks_what_came_after_its_backup(
    path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
    backup = await anyio.Path(path).read_bytes()
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        for _ in range(3):
            await it.turn("1")
            await it.level()
    await anyio.Path(path).write_bytes(backup)
    async with copied(path, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        assert await server.places() == {"1": (2, 1)}
        await it.turn("1")
        await it.level()
        assert await server.places() == {"1": (2, 2)}


async def test_a_replaced_machine_raises_its_epoch_above_the_servers(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.turn("1")
        await it.level()
    other = tmp_path / "other.db"
    async with copied(other, clock, MongoConnection(lambda: server)) as it:
        await it.level()
        await it.register("1")
        await it.level()
        assert (await server.places())["1"] == (2, 1)
    assert query(other, "SELECT epoch FROM meta") == [(2,)]


async def test_of_two_bots_on_one_server_the_older_one_stops_and_says_so(
    path: Path, tmp_path: Path, clock: Clock, server: AwkwardServer, connection: MongoConnection
) -> None:
    async with copied(path, clock, connection) as it:
        await it.register("1")
        await it.level()
        newer = MongoConnection(lambda: server)
        async with copied(tmp_path / "other.db", clock, newer) as other:
            await other.level()
            await it.turn("1")
            await until(lambda: it.db.copying.trouble is not None)
            assert "another bot" in str(it.db.copying.trouble)
            await other.register("2")
            await other.level()
            assert other.db.copying.trouble is None
