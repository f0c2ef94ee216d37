"""Retries: within a budget of attempts and time, only for what was listed, never hasty."""

from collections.abc import Iterator

import anyio
import pytest

from supervision import Backoff, BreakerOpen, retry

pytestmark = pytest.mark.anyio

PAUSES = Backoff(base=1.0, cap=3.0)


class Flaky:
    """Fails as it is told to, then answers; remembers when it was called."""

    def __init__(self, *errors: Exception, seconds: float = 0.0) -> None:
        self.errors: Iterator[Exception] = iter(errors)
        self.seconds = seconds
        self.times: list[float] = []

    async def __call__(self) -> str:
        self.times.append(round(anyio.current_time(), 2))
        await anyio.sleep(self.seconds)
        for error in self.errors:
            raise error
        return "fine"

    @property
    def pauses(self) -> list[float]:
        return [round(b - a, 2) for a, b in zip(self.times, self.times[1:], strict=False)]


async def test_what_fails_is_tried_again_after_growing_pauses() -> None:
    flaky = Flaky(*[OSError("no")] * 4)
    got = await retry(flaky, on=(OSError,), attempts=5, pauses=PAUSES, rng=lambda: 1.0)
    assert got == "fine"
    assert flaky.pauses == [1, 2, 3, 3]


async def test_the_last_attempt_raises_its_own_error() -> None:
    last = OSError("still no")
    flaky = Flaky(OSError("no"), last, OSError("never reached"))
    with pytest.raises(OSError, match="still no") as got:
        await retry(flaky, on=(OSError,), attempts=2, pauses=PAUSES)
    assert got.value is last
    assert len(flaky.times) == 2


async def test_an_error_that_is_not_listed_is_raised_at_once() -> None:
    flaky = Flaky(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await retry(flaky, on=(OSError,), attempts=5)
    assert len(flaky.times) == 1


async def test_a_pause_that_would_end_after_the_deadline_is_not_begun() -> None:
    flaky = Flaky(*[OSError("no")] * 9)
    began = anyio.current_time()
    with pytest.raises(OSError, match="no"):
        await retry(flaky, on=(OSError,), attempts=9, within=4, pauses=PAUSES, rng=lambda: 1.0)
    assert flaky.pauses == [1, 2]
    assert anyio.current_time() - began == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("listed", [(OSError,), (OSError, TimeoutError)])
async def test_an_attempt_is_cut_off_at_the_deadline(listed: tuple[type[Exception], ...]) -> None:
    flaky = Flaky(OSError("no"), seconds=3)
    began = anyio.current_time()
    with pytest.raises(TimeoutError):
        await retry(flaky, on=listed, attempts=9, within=5, pauses=PAUSES, rng=lambda: 1.0)
    assert anyio.current_time() - began == pytest.approx(5, abs=0.1)


async def test_who_says_when_to_come_back_is_not_asked_earlier() -> None:
    flaky = Flaky(BreakerOpen("store", retry_after=7.5))
    await retry(flaky, on=(BreakerOpen,), pauses=PAUSES, rng=lambda: 0.0)
    assert flaky.pauses == [7.5]


async def test_it_takes_an_attempt() -> None:
    with pytest.raises(ValueError, match="not 0"):
        await retry(Flaky(), on=(OSError,), attempts=0)
