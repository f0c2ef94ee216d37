"""Durable commands come in order per user, and a full mailbox holds up nobody else."""

from datetime import timedelta

import pytest

from actors import ActorSystem
from tests.domain.strategies import NOON
from tests.fakes.commands import MemoryCommands
from tests.waiting import until
from yabot.domain.commands import MoveBesitos
from yabot.domain.decision import DurableCommand
from yabot.errors import Overloaded
from yabot.users import scheduler as scheduling
from yabot.users.ports import DueCommand
from yabot.users.scheduler import AT_ONCE, Scheduler

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Mailboxes:
    """Takes commands, of those in `full` none."""

    def __init__(self, *full: str) -> None:
        self.full = set(full)
        self.taken: list[tuple[str, str]] = []

    def deliver(self, due: DueCommand) -> None:
        if due.user_id in self.full:
            raise Overloaded(f"the mailbox of user {due.user_id} is full")
        self.taken.append((due.user_id, due.unique_key))


def leave(outbox: MemoryCommands, user_id: str, key: str, *, later: float = 0) -> None:
    command = MoveBesitos(amount=1, reason="test")
    outbox.add(DurableCommand(user_id, NOON + timedelta(seconds=later), command, key))


async def test_more_commands_of_a_full_user_than_are_read_at_once_hold_up_nobody() -> None:
    outbox, mailboxes = MemoryCommands(), Mailboxes("1")
    for number in range(AT_ONCE + 10):
        leave(outbox, "1", f"a{number}")
    leave(outbox, "2", "b")
    async with ActorSystem() as system:
        system.spawn(lambda: Scheduler(outbox, mailboxes.deliver, lambda: NOON), name="scheduler")
        await until(lambda: mailboxes.taken == [("2", "b")], deadline=2)


async def test_no_command_passes_an_earlier_one_of_its_user() -> None:
    outbox, mailboxes = MemoryCommands(), Mailboxes("1")
    tried: list[str] = []

    def deliver(due: DueCommand) -> None:
        tried.append(due.unique_key)
        if due.unique_key == "first" and tried.count("first") == 1:
            raise Overloaded("full for a moment")
        mailboxes.full.clear()
        mailboxes.deliver(due)

    leave(outbox, "1", "first")
    leave(outbox, "1", "second")
    async with ActorSystem() as system:
        system.spawn(lambda: Scheduler(outbox, deliver, lambda: NOON), name="scheduler")
        await until(lambda: len(mailboxes.taken) == 2)
    assert tried == ["first", "first", "second"]


async def test_only_so_many_commands_are_in_hand_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduling, "AT_ONCE", 3)
    outbox, mailboxes = MemoryCommands(), Mailboxes()
    for number in range(5):
        leave(outbox, str(number), f"a{number}")
    leave(outbox, "1", "tomorrow", later=86_400)
    async with ActorSystem() as system:
        system.spawn(lambda: Scheduler(outbox, mailboxes.deliver, lambda: NOON), name="scheduler")
        await until(lambda: len(mailboxes.taken) == 3)
        for id_ in range(1, 4):
            outbox.remove(id_)
        await until(lambda: len(mailboxes.taken) == 5)
    assert [key for _, key in mailboxes.taken] == [f"a{number}" for number in range(5)]
