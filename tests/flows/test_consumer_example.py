"""The example of another process: it hears what the bot tells, and misses nothing when it dies."""

import re
import runpy
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import pytest

from tests.flows.operator import operator
from tests.forks import Forked
from tests.people import Person
from tests.processes import ROOT, BotProcess, free_port, yabot
from tests.servers.valkey import Valkey
from tests.waiting import until
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

HEARD = re.compile(r"(\d+) #(\d+): ")


@pytest.fixture
async def bot(sandbox: Sandbox, tmp_path: Path, valkey: Valkey) -> AsyncIterator[BotProcess]:
    settings = {"REDIS_URL": valkey.url}
    async with BotProcess(tmp_path, sandbox.url, settings) as bot:
        yield bot


def consumer() -> None:
    """The entry of the example."""
    runpy.run_module("examples.consumer", run_name="__main__")


@asynccontextmanager
async def consuming(folder: Path, url: str, name: str) -> AsyncIterator[Forked]:
    """The example as a process; what it prints is in `name`.out."""
    output = (folder / f"{name}.out", folder / f"{name}.errors")
    env = {"REDIS_URL": url, "PYTHONPATH": str(ROOT)}
    process = Forked(consumer, ["consumer"], cwd=folder, env=env, output=output)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def heard(folder: Path, name: str) -> list[tuple[str, int]]:
    """Whose events a process has heard of, with their numbers."""
    file = folder / f"{name}.out"
    told = file.read_text() if file.exists() else ""
    return [(found[1], int(found[2])) for found in HEARD.finditer(told)]


async def test_the_example_hears_of_everybody_and_goes_on_after_a_kill(
    bot: BotProcess, sandbox: Sandbox, client: aiohttp.ClientSession, valkey: Valkey
) -> None:
    people = [Person(client, sandbox.url, user_id) for user_id in range(101, 107)]
    early, late = people[:3], people[3:]
    folder = bot.folder
    bot.start()
    await bot.ready()
    async with consuming(folder, valkey.url, "first") as first:
        await earn(early)
        await until(lambda: {user for user, _ in heard(folder, "first")} == ids(early))
        first.kill()
        await wait_for(first)
    await earn(late)
    async with consuming(folder, valkey.url, "second") as second:
        await until(lambda: ids(late) <= {user for user, _ in heard(folder, "second")}, deadline=40)
        second.send_signal(signal.SIGTERM)
        assert await wait_for(second) == 0
    both = heard(folder, "first") + heard(folder, "second")
    for user in ids(people):
        numbers = [number for one, number in both if one == user]
        assert numbers == sorted(numbers)
    assert (folder / "second.errors").read_text() == ""
    assert await bot.stop() == 0


@pytest.mark.parametrize("source", ["redis", "file"])
async def test_events_are_shown_as_they_come(
    bot: BotProcess, sandbox: Sandbox, client: aiohttp.ClientSession, source: str
) -> None:
    bot.start()
    await bot.ready()
    ana, other = (Person(client, sandbox.url, user_id) for user_id in (201, 202))
    env = bot.environment() if source == "redis" else {**bot.environment(), "REDIS_URL": ""}
    await is_shown(bot, env, ana, other)


async def test_events_of_the_demo_are_shown(client: aiohttp.ClientSession, tmp_path: Path) -> None:
    port = free_port()
    settings = {"SANDBOX_PORT": str(port), "BOT_TOKEN": "", "SQLITE_DATABASE_PATH": ""}
    ana, other = (Person(client, f"http://127.0.0.1:{port}", user_id) for user_id in (201, 202))
    async with BotProcess(tmp_path, "", settings, command="demo") as demo:
        demo.start()
        await demo.ready()
        await is_shown(demo, demo.environment(), ana, other, "--demo")
        listed = await operator(demo, "dead-letters", "list", "--demo")
        assert "there are no dead letters" in listed.told
        assert await demo.stop() == 0


async def test_a_server_that_dies_is_told_once_and_followed_again(
    bot: BotProcess, sandbox: Sandbox, client: aiohttp.ClientSession, valkey: Valkey
) -> None:
    ana = Person(client, sandbox.url, 201)
    bot.start()
    await bot.ready()
    async with tailing(bot, bot.environment()) as tail:
        await writes_until(ana, lambda: "update_received #" in tail.told())
        await valkey.kill()
        await until(lambda: "trying again" in tail.complained(), deadline=40)
        await ana.says("/daily")
        await valkey.restart()
        await until(lambda: "besitos_added #" in tail.told(), deadline=40)
        assert tail.complained().count("trying again") == 1


async def is_shown(
    bot: BotProcess, env: Mapping[str, str], ana: Person, other: Person, *options: str
) -> None:
    """Follow one kind of one person's events until one is shown."""
    wanted = ("--type", "update_received", "--user", "201", *options)
    async with tailing(bot, env, *wanted) as tail:
        await other.says("/help")
        await writes_until(ana, lambda: "update_received #" in tail.told())
        assert "handler_completed" not in tail.told()
        assert " 202  " not in tail.told()


async def writes_until(person: Person, is_enough: Callable[[], bool]) -> None:
    """Write until what follows the events has begun and has shown enough."""

    async def enough() -> bool:
        await person.says("/help")
        return is_enough()

    await until(enough, deadline=40)


@dataclass(frozen=True)
class Tail:
    """`yabot events tail` as a process."""

    process: Forked
    output: Path
    errors: Path

    def told(self) -> str:
        """What it has shown."""
        return self.output.read_text() if self.output.exists() else ""

    def complained(self) -> str:
        """What it has said of trouble."""
        return self.errors.read_text() if self.errors.exists() else ""


@asynccontextmanager
async def tailing(bot: BotProcess, env: Mapping[str, str], *options: str) -> AsyncIterator[Tail]:
    """The command, ended by Ctrl-C."""
    output = (bot.folder / "tail.out", bot.folder / "tail.errors")
    argv = ["yabot", "events", "tail", *options]
    tail = Tail(Forked(yabot, argv, cwd=bot.folder, env=env, output=output), *output)
    try:
        yield tail
        tail.process.send_signal(signal.SIGINT)
        assert await wait_for(tail.process) == 0, tail.complained()
    finally:
        if tail.process.poll() is None:
            tail.process.kill()
            tail.process.wait()


async def earn(people: list[Person]) -> None:
    """Everybody begins and gets today's besitos."""
    for person in people:
        await person.says("/start")
        await person.says("/daily")
    for person in people:
        await person.sees("Ahora tienes")


def ids(people: list[Person]) -> set[str]:
    return {str(person.id) for person in people}


async def wait_for(process: Forked) -> int:
    with anyio.fail_after(30):
        return await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
