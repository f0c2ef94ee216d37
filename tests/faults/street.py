"""The whole street for one test: the local Telegram with a crowd in it, and the bot's process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import anyio

from tests.faults.audit import audit, opened, waiting
from tests.faults.crowd import PATIENCE, Crowd
from tests.forks import Entry
from tests.processes import BotProcess, yabot
from tests.waiting import until
from yabot.sandbox import Sandbox

MODES = ("polling", "webhook")
"""How updates come to the bot."""

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})


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

    async def verdict(self) -> list[str]:
        """Wait until all is done, stop the bot, and tell every promise that broke."""
        with suppress(AssertionError):
            await until(lambda: not waiting(self.bot.database), deadline=self.crowd.patience)
        code = await self.bot.stop()
        broken = [f"the bot ended with exit code {code}"] if code else []
        return broken + audit(self.bot.database, self.crowd, deaths=self.bot.starts - 1)

    def left_over(self) -> int:
        """How many updates waited, unhandled, when the bot died at least once."""
        return self._count("SELECT count(*) FROM inbox WHERE attempts > 0")

    def waiting_calls(self) -> int:
        """How many calls have not left for Telegram."""
        return self._count("SELECT count(*) FROM outbox_replies")

    def calls_committed(self) -> int:
        """How many calls turns have ever left."""
        return self._count("SELECT seq FROM sqlite_sequence WHERE name = 'outbox_replies'")

    def _count(self, statement: str) -> int:
        with closing(opened(self.bot.database)) as db:
            return int(db.execute(statement).fetchone()[0])


@asynccontextmanager
async def street(
    folder: Path,
    mode: str,
    *,
    people: int = 20,
    seed: int = 1,
    redelivery: float = 0.0,
    patience: float = PATIENCE,
    entry: Entry = yabot,
    settings: Mapping[str, str] = NO_SETTINGS,
) -> AsyncIterator[Street]:
    """A street on which nothing runs yet but Telegram; `settings` are the bot's own."""
    async with Sandbox(webhook_retry_delay=0.05) as sandbox:
        its = {**settings, "UPDATES_MODE": mode}
        async with BotProcess(folder, sandbox.url, its, entry=entry) as bot:
            crowd = Crowd(sandbox, people, seed=seed, redelivery=redelivery, patience=patience)
            yield Street(sandbox, bot, crowd)
