"""An operator at a shell beside the bot: one command, its exit code and what it told."""

from dataclasses import dataclass

import anyio
import anyio.to_thread

from tests.forks import Forked
from tests.processes import BotProcess, yabot

FAILED = 2
"""The exit code of a command that could not do it."""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    told: str


async def operator(bot: BotProcess, *command: str, **settings: str) -> Done:
    """Run a command with the bot's settings, and `settings` above them, in the bot's folder."""
    output = (bot.folder / "operator.out", bot.folder / "operator.errors")
    for file in output:
        file.unlink(missing_ok=True)
    env = {**bot.environment(), **settings}
    process = Forked(yabot, ["yabot", *command], cwd=bot.folder, env=env, output=output)
    with anyio.fail_after(30):
        code = await anyio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
    return Done(code, "".join(file.read_text() for file in output))
