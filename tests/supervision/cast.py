"""Children that fail on order and keep a diary, and a tree of three of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import anyio

from actors import Actor, Message
from supervision import Backoff, Child, Strategy, Supervisor


@dataclass(frozen=True, slots=True)
class Ping(Message[int]):
    """Answered with the number of the incarnation."""


@dataclass(frozen=True, slots=True)
class Crash(Message[None]):
    """Fail with this."""

    error: Exception


BAD = Crash(ValueError("oh"))


@dataclass(frozen=True, slots=True)
class Leave(Message[None]):
    """Stop by yourself."""


@dataclass(frozen=True, slots=True)
class Rest(Message[None]):
    """Be busy for so long."""

    seconds: float


Order: TypeAlias = Ping | Crash | Leave | Rest


class Stage:
    """What the children of one test did, and what they shall fail at."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.incarnations: dict[str, int] = {}
        self.alive: list[str] = []
        self.starts_to_fail: dict[str, int] = {}
        self.starts_to_hang: dict[str, int] = {}
        self.start_times: dict[str, float] = {}

    def child(self, name: str) -> Callable[[], Actor[Order]]:
        """A factory for the child of that name."""
        return lambda: Part(self, name)

    def user(self, key: int) -> Actor[Order]:
        """The factory of a family."""
        return Part(self, f"user {key}")


class Part(Actor[Order]):
    """A child."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name

    async def started(self) -> None:
        await anyio.sleep(self.stage.start_times.get(self.name, 0.0))
        if self.stage.starts_to_fail.get(self.name, 0) > 0:
            self.stage.starts_to_fail[self.name] -= 1
            self.stage.diary.append(f"{self.name} cannot start")
            raise ConnectionError("refused")
        if self.stage.starts_to_hang.get(self.name, 0) > 0:
            self.stage.starts_to_hang[self.name] -= 1
            await anyio.sleep_forever()
        assert self.name not in self.stage.alive, "two incarnations at a time"
        self.stage.alive.append(self.name)
        self.stage.incarnations[self.name] = self.stage.incarnations.get(self.name, 0) + 1
        self.stage.diary.append(f"{self.name} up")

    async def receive(self, message: Order) -> object:
        match message:
            case Ping():
                return self.stage.incarnations[self.name]
            case Crash(error):
                raise error
            case Leave():
                self.ref.stop_nowait()
            case Rest(seconds):
                await anyio.sleep(seconds)
                self.stage.diary.append(f"{self.name} rested")
        return None

    async def stopping(self) -> None:
        self.stage.alive.remove(self.name)
        self.stage.diary.append(f"{self.name} down")

    async def restarting(self, error: Exception) -> None:
        if self.name in self.stage.alive:
            self.stage.alive.remove(self.name)
        self.stage.diary.append(f"{self.name} failed")


def family(stage: Stage, strategy: Strategy, **options: float) -> Supervisor:
    """A top over children a, b and c."""
    return Supervisor(
        "top",
        tuple(Child(name, stage.child(name)) for name in "abc"),
        strategy=strategy,
        intensity=int(options.get("intensity", 5)),
        period=options.get("period", 60.0),
        backoff=Backoff(base=options.get("base", 1.0), cap=30.0, reset=options.get("reset", 60.0)),
    )
