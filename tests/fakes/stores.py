"""MemoryStores: everything durable of one node, in memory."""

from datetime import UTC, datetime

from tests.fakes.commands import MemoryCommands
from tests.fakes.inbox import MemoryInbox
from tests.fakes.replies import MemoryReplies
from tests.fakes.users import MemoryUsers
from yabot.users.ports import Clock, DeadLetter


def utc_now() -> datetime:
    """The wall clock, as `yabot.users.ports.Clock`."""
    return datetime.now(UTC)


class MemoryStores:
    """The stores, under the names that `DatabaseManager` gives them."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.dead_letters: list[DeadLetter] = []
        self.inbox = MemoryInbox()
        self.commands = MemoryCommands()
        self.replies = MemoryReplies(self.commands, self.dead_letters, clock)
        self.users = MemoryUsers(self.inbox, self.replies, self.commands, self.dead_letters)
