"""What an operator gets wrong is told in a line each, and costs no update."""

import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

import yabot.content
from tests.people import Person
from tests.processes import SECRET, BotProcess
from yabot.sandbox import Sandbox

pytestmark = pytest.mark.anyio

WRONG_SETTINGS = 2
"""The exit code."""


@dataclass
class Mistake:
    """Settings that can't work, and what each line about them says."""

    settings: dict[str, str]
    says: list[str]
    stack: ExitStack = field(default_factory=ExitStack)


def no_token(_folder: Path) -> Mistake:
    return Mistake({"BOT_TOKEN": ""}, ["BOT_TOKEN is not set"])


def malformed_token(_folder: Path) -> Mistake:
    return Mistake({"BOT_TOKEN": "my-token"}, ["BOT_TOKEN: is not of the form 123456:ABC"])


def used_api_port(_folder: Path) -> Mistake:
    mistake = Mistake({}, ["API_PORT"])
    mistake.settings["API_PORT"] = str(listening(mistake.stack))
    return mistake


def used_webhook_port(_folder: Path) -> Mistake:
    mistake = Mistake({"UPDATES_MODE": "webhook"}, ["WEBHOOK_PORT"])
    mistake.settings["WEBHOOK_PORT"] = str(listening(mistake.stack))
    return mistake


def folder_that_is_a_file(folder: Path) -> Mistake:
    file = folder / "a-file"
    file.write_text("")
    return Mistake({"SQLITE_DATABASE_PATH": str(file / "yabot.db")}, ["SQLITE_DATABASE_PATH"])


def folder_that_nobody_may_write(_folder: Path) -> Mistake:
    return Mistake({"SQLITE_DATABASE_PATH": "/proc/yabot/yabot.db"}, ["SQLITE_DATABASE_PATH"])


def file_that_is_no_database(folder: Path) -> Mistake:
    file = folder / "notes.db"
    file.write_text("Dear diary, today I was taken for a database. " * 100)
    return Mistake({"SQLITE_DATABASE_PATH": str(file)}, ["is not a SQLite database"])


def address_of_no_mongodb(_folder: Path) -> Mistake:
    return Mistake({"MONGODB_URI": "http://somebody:hidden@localhost"}, ["MONGODB_URI: must begin"])


def option_that_no_mongodb_knows(_folder: Path) -> Mistake:
    return Mistake({"MONGODB_URI": "mongodb://somebody:hidden@localhost/?tls=perhaps"}, ["tls"])


def key_that_is_no_key(folder: Path) -> Mistake:
    key = folder / "other.pem"
    key.write_text("not a key")
    key.chmod(0o600)
    return Mistake({"JWT_PRIVATE_KEY_PATH": str(key)}, ["JWT_PRIVATE_KEY_PATH"])


def story_that_leads_nowhere(folder: Path) -> Mistake:
    story = own_story(folder)
    for language in ("es", "en"):
        village = story / language / "pueblo.toml"
        village.write_text(village.read_text().replace('next = "plaza"', 'next = "nowhere"', 1))
    says = [f"{language}/pueblo.toml: fragment 'start'" for language in ("es", "en")]
    return Mistake({"CONTENT_PATH": str(story)}, says)


def story_that_is_not_toml(folder: Path) -> Mistake:
    story = own_story(folder)
    with (story / "en" / "mar.toml").open("a") as sea:
        sea.write("[puerto\n")
    return Mistake({"CONTENT_PATH": str(story)}, ["en/mar.toml: not valid TOML"])


def several_at_once(_folder: Path) -> Mistake:
    settings = {
        "BOT_TOKEN": "my-token",
        "API_PORT": "70000",
        "LOG_LEVEL": "loud",
        "UPDATES_MODE": "webhook",
        "WEBHOOK_URL": "",
        "WEBHOOK_SECRET": "with blanks in it",
        "TURN_TIMEOUT": "soon",
    }
    says = ["BOT_TOKEN", "WEBHOOK_URL", "WEBHOOK_SECRET", "API_PORT", "LOG_LEVEL", "TURN_TIMEOUT"]
    return Mistake(settings, says)


MISTAKES = [
    no_token,
    malformed_token,
    used_api_port,
    used_webhook_port,
    folder_that_is_a_file,
    folder_that_nobody_may_write,
    file_that_is_no_database,
    address_of_no_mongodb,
    option_that_no_mongodb_knows,
    key_that_is_no_key,
    story_that_leads_nowhere,
    story_that_is_not_toml,
    several_at_once,
]


def own_story(folder: Path) -> Path:
    """A copy of the story that comes with the bot."""
    story = folder / "story"
    shutil.copytree(Path(yabot.content.__file__).parent, story)
    return story


def listening(stack: ExitStack) -> int:
    """A port that somebody else uses."""
    other = stack.enter_context(socket.socket())
    other.bind(("127.0.0.1", 0))
    other.listen()
    return int(other.getsockname()[1])


@pytest.fixture
def bot(sandbox: Sandbox, tmp_path: Path) -> Iterator[BotProcess]:
    bot = BotProcess(tmp_path, sandbox.url)
    yield bot
    if bot.process is not None and bot.process.poll() is None:
        bot.process.kill()
        bot.process.wait()


@pytest.mark.parametrize("make", MISTAKES, ids=lambda make: make.__name__)
async def test_each_wrong_setting_is_one_clear_line_and_costs_no_update(
    make: Callable[[Path], Mistake],
    bot: BotProcess,
    sandbox: Sandbox,
    client: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    person = Person(client, sandbox.url, 900)
    await person.says("/start")
    mistake = make(tmp_path)
    with mistake.stack:
        bot.start(**mistake.settings)
        assert await bot.ended() == WRONG_SETTINGS
    told(bot, *mistake.says)

    bot.start()
    await bot.ready()
    await person.sees("Soy YABOT")
    assert await bot.stop() == 0


async def test_a_token_that_telegram_refuses_is_told(
    client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    right = "4242:another-token-of-this-bot"
    async with Sandbox(tokens=[right]) as sandbox, BotProcess(tmp_path, sandbox.url) as bot:
        person = Person(client, sandbox.url, 900)
        await person.says("/start")
        bot.start()
        assert await bot.ended() == WRONG_SETTINGS
        told(bot, "BOT_TOKEN")

        bot.start(BOT_TOKEN=right)
        await bot.ready()
        await person.sees("Soy YABOT")
        assert await bot.stop() == 0


async def test_the_demo_tells_when_the_port_of_its_telegram_is_used(tmp_path: Path) -> None:
    with ExitStack() as stack:
        settings = {"SANDBOX_PORT": str(listening(stack))}
        async with BotProcess(tmp_path, "http://127.0.0.1:1", settings, command="demo") as bot:
            bot.start()
            assert await bot.ended() == WRONG_SETTINGS
            told(bot, "SANDBOX_PORT")


async def test_a_database_that_another_process_uses_is_told_with_its_owner(
    bot: BotProcess, sandbox: Sandbox, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    bot.start()
    await bot.ready()
    settings = {"SQLITE_DATABASE_PATH": str(bot.database)}
    second_folder = tmp_path / "second"
    second_folder.mkdir()
    async with BotProcess(second_folder, sandbox.url, settings) as second:
        second.start()
        assert await second.ended() == WRONG_SETTINGS
        told(second, f"is in use by process {bot.running.pid}")

    person = Person(client, sandbox.url, 900)
    await person.says("/start")
    await person.sees("Soy YABOT")
    assert await bot.stop() == 0


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(bot: BotProcess) -> None:
    bot.start()
    await bot.ready()
    assert await bot.stop() == 0
    with closing(sqlite3.connect(bot.database)) as db:
        db.execute(
            "INSERT INTO schema_version (number, name, checksum, script) VALUES (?, ?, ?, ?)",
            (99, "0099_later", "", ""),
        )
        db.commit()
    bot.start()
    assert await bot.ended() == WRONG_SETTINGS
    told(bot, "newer than this program")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, '{"update_id": 1}', 401),
        ({"X-Telegram-Bot-Api-Secret-Token": "guessed"}, '{"update_id": 1}', 403),
        ({"X-Telegram-Bot-Api-Secret-Token": SECRET}, "an update", 400),
        ({"X-Telegram-Bot-Api-Secret-Token": SECRET}, '["update_id"]', 400),
        ({"X-Telegram-Bot-Api-Secret-Token": SECRET}, '{"update_id": "one"}', 400),
    ],
    ids=["no secret", "wrong secret", "not json", "not an object", "no update id"],
)
async def test_a_webhook_request_that_is_not_telegrams_is_refused_and_harms_nothing(
    headers: dict[str, str],
    body: str,
    status: int,
    sandbox: Sandbox,
    client: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with BotProcess(tmp_path, sandbox.url, {"UPDATES_MODE": "webhook"}) as bot:
        bot.start()
        await bot.ready()
        async with client.post(bot.webhook_url, data=body, headers=headers) as answer:
            assert answer.status == status
            assert (await answer.json())["error_code"] == status
        person = Person(client, sandbox.url, 900)
        await person.says("/start")
        await person.sees("Soy YABOT")
        assert "Traceback" not in bot.told()
        assert await bot.stop() == 0


def told(bot: BotProcess, *problems: str) -> None:
    """Whether stderr has one line for each problem, and no traceback anywhere."""
    lines = [line for line in bot.errors.read_text().splitlines() if line.startswith("yabot: ")]
    assert len(lines) == len(problems), bot.told()
    for line, problem in zip(sorted(lines), sorted(problems), strict=True):
        assert problem in line
        assert "hidden" not in line
    assert "Traceback" not in bot.told()
