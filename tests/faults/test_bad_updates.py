"""An update that can't be handled is set aside with one word to its sender; nobody else notices."""

import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.faults.audit import opened
from tests.faults.fragile import deadly, fragile
from tests.people import Person
from tests.processes import BotProcess
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

APOLOGY = "Algo ha fallado"
WELCOME = "Soy YABOT"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def bot(sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[BotProcess]:
    async with BotProcess(tmp_path, sandbox.url, entry=fragile) as bot:
        yield bot


@pytest.fixture
async def people(sandbox: Sandbox) -> AsyncIterator[list[Person]]:
    async with aiohttp.ClientSession() as client:
        yield [Person(client, sandbox.url, user_id) for user_id in range(101, 113)]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("/fail", "RuntimeError: a handler that always fails"),
        ("/exit", "HandlerExited: the handler called sys.exit('a handler that wants to leave')"),
        (
            "/exit_in_group",
            "HandlerExited: the handler called sys.exit('a handler that wants to leave')",
        ),
    ],
)
async def test_an_update_that_always_fails_is_set_aside_while_others_go_on(
    command: str, error: str, bot: BotProcess, people: list[Person]
) -> None:
    sender, *others = people
    bot.start()
    await bot.ready()
    await sender.says(command)
    await sender.says("/help")
    for other in others:
        await other.says("/start")
    for other in others:
        await other.sees(WELCOME)
    assert await said(sender) == []

    await sender.sees("/story para seguir")
    assert [APOLOGY in text for text in await said(sender)] == [True, False]
    (letter,) = letters(bot)
    assert letter == ("update", "101", error)
    assert bot.told().count('"turn.crashed"') == 2
    assert bot.starts == 1
    assert await bot.stop() == 0


async def test_a_handler_that_takes_long_holds_up_its_own_user_alone(
    bot: BotProcess, people: list[Person]
) -> None:
    sleeper, *others = people
    bot.start(SLEEP="2")
    await bot.ready()
    await sleeper.says("/sleep")
    await sleeper.says("/help")
    for other in others:
        await other.says("/start")
    for other in others:
        await other.sees(WELCOME)
    assert await said(sleeper) == []

    await sleeper.sees("/story para seguir")
    assert [text == "awake" for text in await said(sleeper)] == [True, False]
    assert await bot.stop() == 0


async def test_an_update_that_ends_the_process_is_set_aside_and_bystanders_are_not(
    bot: BotProcess, people: list[Person]
) -> None:
    sender, *others = people
    await sender.says("/end")
    await sender.says("/help")
    for other in others:
        await other.says("/start")

    deaths = 0
    bot.start()
    while not await ready_or_dead(bot):
        assert bot.process is not None
        assert bot.process.poll() == -signal.SIGKILL
        deaths += 1
        assert deaths <= 4
        bot.start()

    for other in others:
        await other.sees(WELCOME)
    await sender.sees("/story para seguir")
    assert deaths == 4
    assert [APOLOGY in text for text in await said(sender)] == [True, False]
    assert letters(bot) == [("update", "101", "killed")]
    assert left_over(bot) > 2, "others waited at a death besides the sender's two"
    assert await bot.stop() == 0


@pytest.mark.parametrize("command", ["/later", "/group"])
async def test_a_task_that_calls_sys_exit_ends_itself_alone(
    command: str, bot: BotProcess, people: list[Person]
) -> None:
    sender, *others = people
    bot.start()
    await bot.ready()
    await sender.says(command)
    await until(lambda: '"task.exited"' in bot.told())
    for other in others:
        await other.says("/start")
    for other in others:
        await other.sees(WELCOME)
    await sender.says("/help")
    await sender.sees("/story para seguir")
    assert "a task that wants to leave" in bot.told()
    assert [kind for kind, *_ in letters(bot)] == ([] if command == "/later" else ["update"])
    assert bot.starts == 1
    assert await bot.stop() == 0


async def test_an_event_whose_subscriber_ends_the_process_is_set_aside(
    sandbox: Sandbox, people: list[Person], tmp_path: Path
) -> None:
    async with BotProcess(tmp_path, sandbox.url, {"DEADLY": "101"}, entry=deadly) as bot:
        for person in people:
            await person.says("/start")
        deaths = 0
        bot.start()
        while not await all_told_or_dead(bot):
            assert bot.running.poll() == -signal.SIGKILL
            deaths += 1
            assert deaths <= 6
            bot.start()
        for person in people:
            await person.sees(WELCOME)
        assert deaths >= 2
        assert letters(bot) == [
            ("event", "101", "deadly: HandlerExited: handling it has ended the process")
        ]
        await people[0].says("/help")
        await people[0].sees("/story para seguir")
        assert await bot.stop() == 0


async def all_told_or_dead(bot: BotProcess) -> bool:
    """Whether every group was told of everybody's registration, rather than the bot die."""
    told = """
        SELECT (SELECT count(*) FROM outbox_events WHERE name = 'user_registered'),
            (SELECT max(seq) FROM outbox_events) <= min(position), count(*) FROM relays"""

    def is_told() -> bool:
        try:
            with closing(opened(bot.database)) as db:
                return bool(db.execute(told).fetchone() == (12, 1, 2))
        except sqlite3.OperationalError:
            return False

    await until(lambda: bot.running.poll() is not None or is_told(), deadline=30)
    return bot.running.poll() is None


async def ready_or_dead(bot: BotProcess) -> bool:
    """Whether the bot came to work and did what was left, rather than die."""

    def over() -> bool:
        assert bot.process is not None
        return bot.process.poll() is not None or nothing_waits(bot)

    await until(over, deadline=30)
    assert bot.process is not None
    return bot.process.poll() is None


def nothing_waits(bot: BotProcess) -> bool:
    """Whether updates have come and all have been handled."""
    try:
        with closing(opened(bot.database)) as db:
            row = db.execute("SELECT count(*), sum(processed_at IS NULL) FROM inbox").fetchone()
    except sqlite3.OperationalError:
        return False
    return bool(row[0]) and row[1] == 0


async def said(person: Person) -> list[str]:
    """What the bot has told this person, in order."""
    messages = (await person.screen())["messages"]
    return [message["text"] for message in messages if message["from"]["is_bot"]]


def letters(bot: BotProcess) -> list[tuple[str, str, str]]:
    """What was set aside: kind, whose it was, and why."""
    with closing(opened(bot.database)) as db:
        return db.execute("SELECT kind, user_id, error FROM dead_letters").fetchall()


def left_over(bot: BotProcess) -> int:
    """How many updates waited when the process ended."""
    with closing(opened(bot.database)) as db:
        count = "SELECT count(*) FROM inbox WHERE attempts > 0"
        return int(db.execute(count).fetchone()[0])
