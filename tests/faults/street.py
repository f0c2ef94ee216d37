"""The whole street for one test: the local Telegram with a crowd in it, and the bot's process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio

from tests.faults.audit import audit, opened, waiting
from tests.faults.crowd import Crowd
from tests.processes import BotProcess, Entry, yabot
from tests.waiting import until
from yabot.sandbox import Sandbox

MODES = ("polling", "webhook")
"""How updates come to the bot."""


@dataclass
class Street:
    """What a test acts on."""

    sandbox: Sandbox
    bot: BotProcess
    crowd: Crowd

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Let the crowd live meanwhile; at the end everybody waits for their last answer."""
        async with anyio.create_task_group() as group:
            group.start_soon(self.crowd.live)
            yield
            self.crowd.stop()

    async def verdict(self, *, patience: float = 30) -> list[str]:
        """Wait until all is done, stop the bot, and tell every promise that broke."""
        with suppress(AssertionError):
            await until(lambda: not waiting(self.bot.database), deadline=patience)
        code = await self.bot.stop()
        broken = [f"the bot ended with exit code {code}"] if code else []
        return broken + audit(self.bot.database, self.crowd)

    def left_over(self) -> int:
        """How many updates waited, unhandled, when the bot died at least once."""
        with closing(opened(self.bot.database)) as db:
            return int(db.execute("SELECT count(*) FROM inbox WHERE attempts > 0").fetchone()[0])


@asynccontextmanager
async def street(
    folder: Path,
    mode: str,
    *,
    people: int = 20,
    seed: int = 1,
    redelivery: float = 0.0,
    entry: Entry = yabot,
) -> AsyncIterator[Street]:
    """A street on which nothing runs yet but Telegram."""
    async with Sandbox(webhook_retry_delay=0.05) as sandbox:
        settings = {"UPDATES_MODE": mode}
        async with BotProcess(folder, sandbox.url, settings, entry=entry) as bot:
            crowd = Crowd(sandbox, people, seed=seed, redelivery=redelivery)
            yield Street(sandbox, bot, crowd)
