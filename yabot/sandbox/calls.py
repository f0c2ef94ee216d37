"""The log of calls that bots made, for tests and for the curious.

The rule: it is a bounded ring and never slows a call.
"""

from collections import Counter, deque
from collections.abc import Mapping
from itertools import islice

CAPACITY = 10_000

Entry = dict[str, object]


class Calls:
    """The last calls, numbered from 1, and how many there were of each method."""

    def __init__(self) -> None:
        self.count = 0
        self.by_method: Counter[str] = Counter()
        self._ring: deque[tuple[int, float, int, str, Mapping[str, object], str]] = deque(
            maxlen=CAPACITY
        )

    def add(
        self, at: float, bot: int, method: str, parameters: Mapping[str, object], error: str
    ) -> None:
        """at: seconds since the epoch; error: the description of the refusal, or ''."""
        self.count += 1
        self.by_method[method] += 1
        self._ring.append((self.count, at, bot, method, parameters, error))

    def after(self, cursor: int) -> list[Entry]:
        """The calls numbered above `cursor` that the ring still holds, oldest first."""
        skip = len(self._ring) - max(0, self.count - max(cursor, 0))
        return [
            {
                "number": number,
                "at": at,
                "bot": bot,
                "method": method,
                "parameters": parameters,
                "ok": not error,
                "error": error,
            }
            for number, at, bot, method, parameters, error in islice(self._ring, max(skip, 0), None)
        ]
