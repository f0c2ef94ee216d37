"""A wall clock for tests."""

from datetime import UTC, datetime, timedelta


class Clock:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2024, 5, 17, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
