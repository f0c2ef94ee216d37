"""`python -m tests.api.fuzz --cases 2000`: schemathesis against a real bot, with a token.

Every check of schemathesis is on. It reads the document that the bot serves, makes requests that
fit it and requests that do not, follows links, and holds each answer to the document.
"""

import argparse
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import anyio
import orjson

from tests.people import Person
from tests.processes import ROOT, BotProcess
from tests.waiting import until
from yabot.api.keyring import Keyring
from yabot.api.scopes import SCOPES
from yabot.api.tokens import JWTService
from yabot.app import utc_now
from yabot.sandbox import Sandbox

PEOPLE = 40
"""Users who are registered; the hooks send most requests to one of them."""

ALL_PHASES = "coverage,fuzzing,stateful"

CONFIG = Path(__file__).with_name("fuzz.toml")


@dataclass(frozen=True)
class Findings:
    """How many requests were made, whether all held, and what schemathesis told."""

    cases: int
    clean: bool
    told: str


async def fuzz(
    cases: int,
    folder: Path,
    *,
    people: int = PEOPLE,
    phases: str = ALL_PHASES,
    seed: int | None = None,
) -> Findings:
    """Make at least as many requests and tell what was found."""
    async with Sandbox() as sandbox, BotProcess(folder, sandbox.url) as bot:
        bot.start()
        await bot.ready()
        async with aiohttp.ClientSession() as client:
            token = token_for(folder, bot)
            await _register(people, bot, sandbox.url, client, token)
            operations = await _count_operations(bot, client)
        findings = await _run(bot, token, max(1, cases // operations), phases, folder, seed)
        assert await bot.stop() == 0
        return replace(findings, told=findings.told + _crashes(bot))


def token_for(folder: Path, bot: BotProcess) -> str:
    """A token that opens every route."""
    keys = Keyring(folder / "key.pem", clock=utc_now)
    return JWTService(keys, clock=utc_now).create_service_token("fuzz", scopes=tuple(SCOPES))


async def _register(
    count: int, bot: BotProcess, telegram_url: str, client: aiohttp.ClientSession, token: str
) -> None:
    people = [Person(client, telegram_url, number) for number in range(1, count + 1)]
    for person in people:
        await person.says("/start")
    headers = {"Authorization": f"Bearer {token}"}
    for person in people:
        url = f"{bot.api_url}/api/v1/user/{person.id}/state"

        async def known(url: str = url) -> bool:
            async with client.get(url, headers=headers) as answer:
                return answer.status == 200

        await until(known)


async def _count_operations(bot: BotProcess, client: aiohttp.ClientSession) -> int:
    async with client.get(f"{bot.api_url}/openapi.json") as answer:
        return sum(len(methods) for methods in (await answer.json())["paths"].values())


async def _run(
    bot: BotProcess, token: str, examples: int, phases: str, folder: Path, seed: int | None
) -> Findings:
    report = folder / "report.json"
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run",
        f"{bot.api_url}/openapi.json", "--max-examples", str(examples), "--workers", "1",
        "--phases", phases,
        "--report", "json", "--report-json-path", str(report), "--continue-on-failure",
        "--header", f"Authorization: Bearer {token}", "--no-color",
    ]  # fmt: skip
    if seed is not None:
        command += ["--seed", str(seed)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.api.fuzz_hooks"}
    told = folder / "schemathesis.log"
    with told.open("wb") as output:
        done = await anyio.run_process(
            command, stdout=output, stderr=output, cwd=folder, env=env, check=False
        )
    return Findings(_cases(report), done.returncode == 0, told.read_text())


def _crashes(bot: BotProcess) -> str:
    """What the bot logged of its own surprises."""
    return "\n".join(line for line in bot.told().splitlines() if "api.crashed" in line)


def _cases(report: Path) -> int:
    return int(orjson.loads(report.read_bytes())["test_cases"]["generated"])


def main() -> int:
    """Fuzz, and tell what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        findings = anyio.run(lambda: fuzz(arguments.cases, Path(folder), seed=arguments.seed))
    print(findings.told)
    print(f"{findings.cases} requests, {'no finding' if findings.clean else 'FINDINGS above'}")
    return 0 if findings.clean else 1


if __name__ == "__main__":
    sys.exit(main())
