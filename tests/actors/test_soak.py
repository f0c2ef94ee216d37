"""Many actors, random stops, crashes and cancellations; afterwards no task is left."""

import asyncio
import random

import anyio
import pytest
import trio

from actors import (
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    Mailbox,
    Message,
    Overflow,
    Restart,
)
from actors.testing import virtual_clock
from tests.actors.cast import each


class Spin(Message[int]):
    """Work for a random time, perhaps ask the next actor, perhaps fail."""


class Spinner(Actor[Spin]):
    def __init__(self, chance: random.Random, others: list[ActorRef[Spin]]) -> None:
        self.chance = chance
        self.others = others

    async def started(self) -> None:
        if self.chance.random() < 0.05:
            raise ConnectionError("cannot start")
        if self.chance.random() < 0.2:
            self.every(1.0, Spin())

    async def run(self) -> None:
        await anyio.sleep(self.chance.expovariate(0.2))
        if self.chance.random() < 0.3:
            raise OSError("lost")

    async def receive(self, message: Spin) -> int:
        await anyio.sleep(self.chance.random())
        if self.chance.random() < 0.1:
            raise ValueError("bad luck")
        if self.chance.random() < 0.3:
            return await self.chance.choice(self.others).ask(Spin(), timeout=2)
        return 1

    async def stopping(self) -> None:
        await anyio.sleep(self.chance.random() / 10)


async def soak(seed: int) -> dict[str, int]:
    chance = random.Random(seed)
    outcomes: dict[str, int] = {}

    async def poke(ref: ActorRef[Spin]) -> None:
        with anyio.move_on_after(chance.choice([0.1, 1, 50])) as scope:
            try:
                await ref.ask(Spin(), timeout=chance.choice([0.2, 5, 50]))
                outcome = "answered"
            except ActorError as error:
                outcome = type(error).__name__
        if scope.cancelled_caught:
            outcome = "cancelled"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    async with ActorSystem(drain=3) as system:
        others: list[ActorRef[Spin]] = []
        family = system.virtual(
            "family", each(lambda: Spinner(chance, others)), idle=3, limit=20, mailbox=Mailbox(4)
        )
        others += [family.ref(key) for key in range(30)]
        for number, overflow in enumerate(Overflow):
            others.append(
                system.spawn(
                    lambda: Spinner(chance, others),
                    name=f"spinner {number}",
                    mailbox=Mailbox(4, overflow),
                    on_crash=lambda *_: Restart(delay=chance.random()),
                )
            )
        async with anyio.create_task_group() as group:
            for _ in range(400):
                group.start_soon(poke, chance.choice(others))
                if chance.random() < 0.05:
                    group.start_soon(
                        lambda: family.ref(chance.randrange(30)).stop(timeout=chance.random())
                    )
                await anyio.sleep(chance.random() / 20)
        assert system.snapshot().crashes > 10
    assert sum(outcomes.values()) == 400
    return outcomes


def tasks_left(backend: str) -> int:
    if backend == "asyncio":
        return len(asyncio.all_tasks()) - 1
    root = trio.lowlevel.current_root_task()
    assert root is not None
    (main, *_) = [task for nursery in root.child_nurseries for task in nursery.child_tasks][-1:]
    return sum(len(nursery.child_tasks) for nursery in main.child_nurseries)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_is_left_after_a_storm(backend: str, seed: int, quiet_log: None) -> None:
    async def main() -> tuple[dict[str, int], int]:
        outcomes = await soak(seed)
        return outcomes, tasks_left(backend)

    name, options = virtual_clock(backend)
    outcomes, left = anyio.run(main, backend=name, backend_options=options)
    assert left == 0
    assert outcomes["answered"] > 50
