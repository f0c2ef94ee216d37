"""How long to hold a lane back when Telegram asks for patience.

The rule: a 429 stops the lane that it answered; several lanes at once mean the bot as a whole.
Pure: time is passed in, in seconds of any monotonic clock.
"""

GLOBAL_LANES = 3
"""So many lanes refused within GLOBAL_WINDOW seconds are taken for a limit on the whole bot."""

GLOBAL_WINDOW = 1.0


class FloodGate:
    """Remembers until when lanes, or all of them, must wait."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._recent: list[tuple[float, str]] = []
        self._all_until = 0.0

    def refused(self, lane: str, retry_after: float, now: float) -> None:
        """Telegram answered 429 on `lane` and asked to wait `retry_after` seconds."""
        self._until[lane] = now + retry_after
        self._recent = [(t, name) for t, name in self._recent if now - t < GLOBAL_WINDOW]
        self._recent.append((now, lane))
        if len({name for _, name in self._recent}) >= GLOBAL_LANES:
            self._all_until = max(self._all_until, now + retry_after)

    def wait(self, lane: str, now: float) -> float:
        """Seconds until `lane` may send; 0 when it may now."""
        until = self._until.get(lane, 0.0)
        if until and until <= now:
            del self._until[lane]
        return max(until - now, self._all_until - now, 0.0)
