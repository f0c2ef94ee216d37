"""What holds whatever happens: random programs of sends, crashes, stops, cancellations and time.

Each message has a number. Afterwards every number must have had one fate, senders' orders must be
kept, and no handler may have met another one of its actor."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

import anyio
import pytest
from anyio.abc import TaskGroup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import (
    Actor,
    ActorCrashed,
    ActorKilled,
    ActorRef,
    ActorStopped,
    ActorSystem,
    AskTimeout,
    DeadLetter,
    Hold,
    Mailbox,
    MailboxFull,
    Message,
    OnCrash,
    Overflow,
    Reason,
    Restart,
    Stop,
)
from actors.testing import virtual_clock, wait_until_idle

CAPACITY = 3
BEGUN = (Reason.KILLED, Reason.CRASHED)


@dataclass(frozen=True, slots=True)
class Job(Message[int]):
    """Answered with its number, after `seconds`, unless it shall fail."""

    number: int
    sender: int
    seconds: float
    fails: bool


@dataclass
class Ledger:
    """What happened to each message."""

    sent: list[int] = field(default_factory=list)
    begun: list[tuple[str, Job]] = field(default_factory=list)
    handled: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    asked: Counter[int] = field(default_factory=Counter)
    answered: Counter[int] = field(default_factory=Counter)
    told: Counter[int] = field(default_factory=Counter)
    left: Counter[int] = field(default_factory=Counter)
    letters: list[DeadLetter] = field(default_factory=list)
    overlaps: int = 0
    deepest: int = 0


class Worker(Actor[Job]):
    def __init__(self, ledger: Ledger, busy: set[str]) -> None:
        self.ledger = ledger
        self.busy = busy

    async def receive(self, message: Job) -> int:
        name = self.ref.name
        self.ledger.overlaps += name in self.busy
        self.ledger.deepest = max(self.ledger.deepest, self._cell.depth)
        self.busy.add(name)
        try:
            self.ledger.begun.append((name, message))
            if message.seconds:
                await anyio.sleep(message.seconds)
            if message.fails:
                raise ValueError(message.number)
            self.ledger.handled[message.number] += 1
            return message.number
        finally:
            self.busy.discard(name)


SECONDS = st.sampled_from([0.0, 0.0, 0.1, 1.0])
SENDERS = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tell"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("nowait"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("ask"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("cancelled"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("sleep"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("stop"), SENDERS, SECONDS, st.booleans()),
        st.tuples(st.just("hold"), SENDERS, SECONDS, st.booleans()),
    ),
    max_size=25,
)
POLICIES: dict[str, OnCrash[Job]] = {
    "at once": lambda *_: Restart(),
    "later": lambda *_: Restart(delay=0.3),
    "stop": lambda *_: Stop(),
    "hold": lambda *_: Hold(),
}


class Program:
    """Runs random steps against one actor, which is spawned anew or activated after its end."""

    def __init__(
        self, system: ActorSystem, ledger: Ledger, virtual: bool, mailbox: Mailbox, policy: str
    ) -> None:
        self.system = system
        self.ledger = ledger
        self.mailbox = mailbox
        self.policy = POLICIES[policy]
        self.busy: set[str] = set()
        self.numbers = 0
        self.family = (
            system.virtual("worker", self._make, mailbox=mailbox, idle=2, on_crash=self.policy)
            if virtual
            else None
        )
        self.spawned: ActorRef[Job] | None = None
        self.spawns = 0

    def _make(self, _key: object = None) -> Worker:
        return Worker(self.ledger, self.busy)

    def ref(self) -> ActorRef[Job]:
        if self.family is not None:
            return self.family.ref(1)
        if self.spawned is None or not self.spawned._cell.room:
            self.spawns += 1
            self.spawned = self.system.spawn(
                self._make,
                name=f"worker {self.spawns}",
                mailbox=self.mailbox,
                on_crash=self.policy,
            )
        return self.spawned

    async def step(
        self,
        group: TaskGroup,
        step: tuple[str, int, float, bool],
    ) -> None:
        verb, sender, seconds, flag = step
        self.numbers += 1
        job = Job(self.numbers, sender, seconds, flag)
        match verb:
            case "nowait":
                self._nowait(job)
            case "tell":
                group.start_soon(self._tell, job)
            case "ask":
                group.start_soon(self._ask, job)
            case "cancelled":
                group.start_soon(self._cancelled_ask, job)
            case "sleep":
                await anyio.sleep(seconds)
            case "stop":
                group.start_soon(partial(self.ref().stop, timeout=seconds))
            case "hold":
                group.start_soon(self._hold_and_resume, seconds)
        self.ledger.deepest = max(self.ledger.deepest, self.ref()._cell.depth)

    def _nowait(self, job: Job) -> None:
        self.ledger.sent.append(job.number)
        try:
            self.ref().tell_nowait(job)
        except (MailboxFull, ActorStopped):
            self.ledger.refused[job.number] += 1

    async def _tell(self, job: Job) -> None:
        self.ledger.sent.append(job.number)
        try:
            await self.ref().tell(job)
        except (MailboxFull, ActorStopped):
            self.ledger.refused[job.number] += 1

    async def _ask(self, job: Job) -> None:
        ledger = self.ledger
        ledger.sent.append(job.number)
        ledger.asked[job.number] += 1
        try:
            answer = await self.ref().ask(job, timeout=1.5)
            assert answer == job.number
            ledger.answered[job.number] += 1
        except (MailboxFull, ActorStopped):
            ledger.refused[job.number] += 1
            ledger.answered[job.number] += 1
        except (ActorCrashed, ActorKilled):
            ledger.told[job.number] += 1
            ledger.answered[job.number] += 1
        except AskTimeout:
            ledger.left[job.number] += 1
            ledger.answered[job.number] += 1

    async def _cancelled_ask(self, job: Job) -> None:
        with anyio.move_on_after(0.05) as scope:
            await self._ask(job)
        if scope.cancelled_caught:
            self.ledger.left[job.number] += 1
            self.ledger.answered[job.number] += 1

    async def _hold_and_resume(self, seconds: float) -> None:
        ref = self.ref()
        try:
            await ref.hold(timeout=seconds)
            await ref.resume()
        except (ActorStopped, ActorCrashed):
            return


async def run(
    steps: list[tuple[str, int, float, bool]],
    virtual: bool,
    overflow: Overflow,
    policy: str,
) -> Ledger:
    ledger = Ledger()
    async with ActorSystem(drain=1) as system:
        system.on_dead_letter(ledger.letters.append)
        program = Program(system, ledger, virtual, Mailbox(CAPACITY, overflow), policy)
        with anyio.fail_after(1000):
            async with anyio.create_task_group() as group:
                for step in steps:
                    await program.step(group, step)
                await anyio.sleep(5)
                if program.family is not None:
                    await program.family.stop(timeout=5)
                elif program.spawned is not None:
                    await program.spawned.stop(timeout=5)
            await wait_until_idle(system, timeout=20)
        assert not program.busy
    return ledger


def check(ledger: Ledger) -> None:
    assert ledger.overlaps == 0
    assert ledger.deepest <= CAPACITY
    assert ledger.asked == ledger.answered
    sent = {number: index for index, number in enumerate(ledger.sent)}
    for actor, sender in {(actor, job.sender) for actor, job in ledger.begun}:
        order = [
            sent[job.number] for name, job in ledger.begun if (name, job.sender) == (actor, sender)
        ]
        assert order == sorted(order)
    begun = Counter(job.number for _, job in ledger.begun)
    dead = Counter(letter.message.number for letter in ledger.letters)  # type: ignore[attr-defined]
    for number, times in begun.items():
        assert times == 1
        assert ledger.refused[number] == 0
        ends = ledger.handled[number] + ledger.told[number] + dead[number]
        assert ends == 1, f"job {number} ended {ends} times"
    for letter in ledger.letters:
        assert isinstance(letter.message, Job)
        assert dead[letter.message.number] == 1
        assert (letter.message.number in begun) == (letter.reason in BEGUN)
        assert ledger.refused[letter.message.number] == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(
    steps=STEPS,
    virtual=st.booleans(),
    overflow=st.sampled_from(list(Overflow)),
    policy=st.sampled_from(list(POLICIES)),
)
def test_whatever_happens_every_message_has_one_fate(
    backend: str,
    steps: list[tuple[str, int, float, bool]],
    virtual: bool,
    overflow: Overflow,
    policy: str,
) -> None:
    name, options = virtual_clock(backend)
    ledger = anyio.run(run, steps, virtual, overflow, policy, backend=name, backend_options=options)
    check(ledger)
    fates = ledger.handled + ledger.refused + ledger.told + ledger.left
    dead = {letter.message.number for letter in ledger.letters}  # type: ignore[attr-defined]
    for number, (verb, *_) in enumerate(steps, 1):
        if verb in ("tell", "nowait", "ask", "cancelled"):
            assert fates[number] or number in dead, f"job {number} ({verb}) is lost"
