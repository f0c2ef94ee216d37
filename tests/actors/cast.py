"""The actors that play in these tests, and their messages."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import anyio

from actors import Actor, Message


@dataclass(frozen=True, slots=True)
class Add(Message[int]):
    """Answered with the new total."""

    amount: int = 1


@dataclass(frozen=True, slots=True)
class Get(Message[int]):
    """Answered with the total."""


@dataclass(frozen=True, slots=True)
class Fail(Message[None]):
    """Raise this."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Nap(Message[float]):
    """Sleep this long; answered with it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Do(Message[object]):
    """Call this with the actor; answered with what it returns."""

    action: Callable[["Player"], object]


@dataclass(frozen=True, slots=True)
class Strange(Message[None]):
    """No actor has a case for this."""


Line: TypeAlias = Add | Get | Fail | Nap | Do | Strange


A = TypeVar("A")


def each(make: Callable[[], A]) -> Callable[[int], A]:
    """A factory for a family, in which all keys are alike."""
    return lambda _key: make()


class Refused(Exception):
    """A player's answer that is no crash."""


class Player(Actor[Line]):
    """Counts, sleeps and fails as told; `diary` outlives its incarnations."""

    answers = (Refused,)

    def __init__(self, diary: list[str] | None = None) -> None:
        self.total = 0
        self.diary = diary if diary is not None else []

    async def started(self) -> None:
        self.diary.append("started")

    async def receive(self, message: Line) -> object:
        match message:
            case Add(amount):
                self.total += amount
                self.diary.append(f"add {amount}")
                return self.total
            case Get():
                return self.total
            case Fail(error):
                self.diary.append("fail")
                raise error
            case Nap(seconds):
                self.diary.append("nap")
                await anyio.sleep(seconds)
                self.diary.append("woke")
                return seconds
            case Do(action):
                return action(self)
            case Strange():
                return self.unhandled(message)

    async def stopping(self) -> None:
        self.diary.append("stopping")

    async def restarting(self, error: Exception) -> None:
        self.diary.append(f"restarting after {type(error).__name__}")
