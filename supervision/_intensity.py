"""How many restarts are too many: a sliding window over the times of restarts. Pure."""

from __future__ import annotations


def add_restart(
    times: tuple[float, ...], now: float, *, intensity: int, period: float
) -> tuple[tuple[float, ...], bool]:
    """The restart times of the last `period` seconds with `now` added, and whether there are more
    than `intensity`.

    The rule is that of OTP's supervisor: the restart beyond the intensity is the one refused."""
    recent = (*(time for time in times if now - time <= period), now)
    return recent, len(recent) > intensity
