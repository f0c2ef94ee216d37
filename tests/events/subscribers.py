"""Subscribers of the bus that remember, and fail when they are told to."""

from yabot.events.base import BaseEvent


class Subscriber:
    """Remembers what it got; fails as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.got: list[BaseEvent] = []
        self.fails = fails

    async def __call__(self, event: BaseEvent) -> None:
        if self.fails:
            self.fails -= 1
            raise ValueError("not today")
        self.got.append(event)

    @property
    def numbers(self) -> list[object]:
        return [event.payload.get("n") for event in self.got]
