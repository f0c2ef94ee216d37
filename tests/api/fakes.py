"""A small world behind the API: users in memory, decided by the domain as in production."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import anyio
import orjson

from yabot.api.events import KeptEvent
from yabot.api.ledger import LedgerLine
from yabot.api.probes import StorageHealth
from yabot.api.problems import Problem
from yabot.domain.commands import Command, RegisterUser
from yabot.domain.decide import decide
from yabot.domain.decision import CHANGED, Rejected
from yabot.domain.user import User
from yabot.domain.values import UserId
from yabot.errors import DeadlinePassed
from yabot.services.gateway import Applied, Once, Precondition
from yabot.users.ports import Export

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FakeClock:
    """A wall clock that tests set."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class MemoryUsers:
    """A UserGateway, a Ledger and the UserExports in memory.

    `trouble` is raised by whatever is asked next; `delay` is how long every answer takes, in
    seconds; `timeouts` what callers granted; `asked` is set by the first question.
    """

    clock: FakeClock
    users: dict[UserId, User] = field(default_factory=dict)
    lines: list[tuple[UserId, LedgerLine]] = field(default_factory=list)
    answers: dict[str, tuple[str, Applied | Rejected]] = field(default_factory=dict)
    trouble: Exception | None = None
    delay: float = 0.0
    timeouts: list[float | None] = field(default_factory=list)
    asked: anyio.Event = field(default_factory=anyio.Event)

    def register(self, user_id: int, *, language: str = "es") -> None:
        command = RegisterUser(
            telegram_user_id=user_id, first_name="Ana", username="ana", language_code=language
        )
        outcome = decide(None, command, self.clock())
        assert not isinstance(outcome, Rejected)
        self.users[str(user_id)] = outcome.user

    async def get(self, user_id: UserId, *, timeout: float | None = None) -> User | None:
        await self._work(timeout)
        return self.users.get(user_id)

    async def apply(
        self,
        user_id: UserId,
        command: Command,
        *,
        once: Once | None = None,
        only_if: Precondition | None = None,
        timeout: float | None = None,
    ) -> Applied | Rejected:
        await self._work(timeout)
        if once is not None and once.key in self.answers:
            fingerprint, answer = self.answers[once.key]
            if fingerprint != once.fingerprint:
                return Rejected("key_reused", "key_reused", status=422)
            return replace(answer, replayed=True)
        user = self.users.get(user_id)
        if user is not None and only_if is not None and not only_if(user):
            return CHANGED
        answer = self._decide(user_id, command)
        if once is not None:
            self.answers[once.key] = (once.fingerprint, answer)
        return answer

    async def page(
        self, user_id: UserId, *, before: int | None, limit: int
    ) -> Sequence[LedgerLine]:
        await self._work(None)
        mine = [line for owner, line in reversed(self.lines) if owner == user_id]
        return [line for line in mine if before is None or line.id < before][:limit]

    def line(self, number: int) -> LedgerLine:
        """A movement as a ledger has it."""
        return LedgerLine(number, 1, number, "gift", self.clock())

    async def export(self, user_id: UserId) -> Export | None:
        await self._work(None)
        user = self.users.get(user_id)
        if user is None:
            return None
        profile = user.profile.model_dump(mode="json")
        return Export(user_id, self.clock(), {"profile": [profile]}, cut=("ledger",))

    def _decide(self, user_id: UserId, command: Command) -> Applied | Rejected:
        outcome = decide(self.users.get(user_id), command, self.clock())
        if isinstance(outcome, Rejected):
            return outcome
        if outcome.after is None:
            del self.users[user_id]
            return Applied(None)
        self.users[user_id] = outcome.user.touched(self.clock())
        for entry in outcome.ledger:
            line = LedgerLine(
                len(self.lines) + 1, entry.amount, entry.balance, entry.reason, self.clock()
            )
            self.lines.append((user_id, line))
        return Applied(self.users[user_id])

    async def _work(self, timeout: float | None) -> None:
        self.timeouts.append(timeout)
        self.asked.set()
        if self.trouble is not None:
            raise self.trouble
        if timeout is not None and timeout < self.delay:
            await anyio.sleep(timeout)
            raise DeadlinePassed(f"no answer within {timeout} s")
        await anyio.sleep(self.delay)


@dataclass
class MemoryHistory:
    """The History in memory; `add` puts an event behind the others."""

    kept: list[KeptEvent] = field(default_factory=list)

    def add(self, **attributes: object) -> None:
        number = len(self.kept) + 1
        envelope = {
            "specversion": "1.0",
            "id": f"event-{number}",
            "source": "/yabot",
            "type": "yabot.user.user_registered.v1",
            "time": "2026-03-01T12:00:00Z",
            "datacontenttype": "application/json",
            "sequence": str(number),
            "epoch": "1",
            "subject": "1",
            "data": {},
        }
        self.kept.append(KeptEvent(number, orjson.dumps({**envelope, **attributes})))

    async def page(self, after: int, limit: int) -> Sequence[KeptEvent]:
        return [event for event in self.kept if event.position > after][:limit]


@dataclass
class MemoryLetters:
    """DeadLetters in memory: the ids that wait, and those that were sent back."""

    waiting: set[int] = field(default_factory=set)
    replayed: dict[str, int] = field(default_factory=dict)

    async def replay(self, letter_id: int, once: Once) -> bool:
        if self.replayed.get(once.key) == letter_id:
            return False
        await self.discard(letter_id)
        self.replayed[once.key] = letter_id
        return True

    async def discard(self, letter_id: int) -> None:
        if letter_id not in self.waiting:
            raise Problem("letter_unknown")
        self.waiting.remove(letter_id)


@dataclass
class FakeProbes:
    """What the probes tell; tests change it."""

    alive: bool = True
    readiness: tuple[bool, str] = (True, "")
    databases: Mapping[str, bool | None] = field(
        default_factory=lambda: {"mongodb": None, "sqlite": True}
    )
    bus: Mapping[str, bool | float | None] = field(
        default_factory=lambda: {"connected": True, "latency_ms": 0.4}
    )
    room: StorageHealth = field(default_factory=lambda: StorageHealth(status="pass"))

    async def database(self) -> Mapping[str, bool | None]:
        return self.databases

    async def redis(self) -> Mapping[str, bool | float | None]:
        return self.bus
