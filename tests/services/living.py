"""Users who live: their actors, and the scheduler that brings them durable commands."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from actors import ActorSystem
from tests.fakes import MemoryStores
from tests.stores.running import Clock
from tests.waiting import until
from yabot.domain.commands import RegisterUser
from yabot.domain.decision import Applied
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.errors import Overloaded
from yabot.telegram.notices import render
from yabot.users.actor import UserParts
from yabot.users.directory import UserDirectory
from yabot.users.ports import DueCommand
from yabot.users.scheduler import Scheduler
from yabot.users.turn import Turn


async def no_update(turn: Turn, update: Mapping[str, object]) -> None:
    """Nobody writes to this bot."""
    raise AssertionError("no update comes")


@dataclass(frozen=True)
class Living:
    """What a test acts on. Those who are in `full` take no durable command."""

    stores: MemoryStores
    directory: UserDirectory
    clock: Clock
    full: set[UserId]

    async def register(self, user_id: UserId, **facts: str) -> User:
        """Somebody new."""
        command = RegisterUser.model_validate({"telegram_user_id": int(user_id), **facts})
        outcome = await self.directory.apply(user_id, command)
        assert isinstance(outcome, Applied)
        return outcome.user

    async def user(self, user_id: UserId) -> User:
        """Somebody who is there."""
        user = await self.directory.get(user_id)
        assert user is not None
        return user

    async def at_rest(self) -> None:
        """Wait until no durable command is due."""

        async def nothing_due() -> bool:
            return not await self.stores.commands.due(self.clock(), 0, 1)

        await until(nothing_due)

    def events(self, user_id: UserId) -> list[str]:
        """The names of what was published of a user, in order."""
        commits = [commit for commit in self.stores.users.commits if commit.user_id == user_id]
        return [event.name for commit in commits for event in commit.events]

    def calls(self, user_id: UserId) -> list[bytes]:
        """What a user's turns have left for Telegram."""
        commits = [commit for commit in self.stores.users.commits if commit.user_id == user_id]
        return [call.params for commit in commits for call in commit.calls]

    def wait(self, time: timedelta) -> None:
        """Let time pass."""
        self.clock.advance(seconds=time.total_seconds())


@asynccontextmanager
async def living() -> AsyncIterator[Living]:
    """Users over stores in memory, with a clock that the test moves."""
    stores, clock = MemoryStores(), Clock()
    async with ActorSystem() as system:
        parts = UserParts(stores.users, no_update, render, clock)
        directory = UserDirectory(system, parts, stores.inbox)
        full: set[UserId] = set()

        def deliver(due: DueCommand) -> None:
            if due.user_id in full:
                raise Overloaded(f"the mailbox of user {due.user_id} is full")
            directory.deliver_due(due)

        system.spawn(lambda: Scheduler(stores.commands, deliver, clock), name="scheduler")
        yield Living(stores, directory, clock, full)
        await directory.stop(timeout=2)
