"""What a breaker costs a call that goes well, beside the breakers that Python has.

python -m benchmarks.breaker

Each round runs a bare `await` and then every contestant around the same function, in one process,
one after the other; a figure is the median over the rounds of CPU time minus that of the bare
`await` of the same round. The rivals count failures in a row; ours keeps a window of 100 calls and
judges its rate. `pybreaker.call` around an `async def` never sees its outcome, so it counts
nothing at all: it is shown for what the wrapping costs.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import aiobreaker
import anyio
import pybreaker
from purgatory import AsyncCircuitBreakerFactory

from supervision import Breaker, BreakerPolicy, CountWindow, TimeWindow

ROUNDS = 15
CALLS = 20_000
TARGET = 0.8
"""Microseconds over a bare `await` that ours may cost."""

Loop = Callable[[int], Awaitable[None]]


async def work() -> int:
    """What is called: as little as an await can be."""
    return 1


async def bare(calls: int) -> None:
    """The call without a breaker."""
    for _ in range(calls):
        await work()


async def with_block(breaker: Any, calls: int) -> None:
    """`async with breaker:` around the call."""
    for _ in range(calls):
        async with breaker:
            await work()


async def with_call(call: Callable[..., Awaitable[int]], calls: int) -> None:
    """`await call(work)`."""
    for _ in range(calls):
        await call(work)


async def decorated(function: Callable[[], Awaitable[int]], calls: int) -> None:
    """A function that carries its breaker."""
    for _ in range(calls):
        await function()


def ours(policy: BreakerPolicy) -> Breaker:
    """A breaker as it is used."""
    return Breaker("bench", policy)


async def contestants() -> Mapping[str, Loop]:
    """Everyone, by the name under which the figures are shown."""
    count = BreakerPolicy(window=CountWindow(100))
    slow = BreakerPolicy(window=CountWindow(100), slow_call=1.0)
    time = BreakerPolicy(window=TimeWindow(30))
    factory = AsyncCircuitBreakerFactory()
    other = aiobreaker.CircuitBreaker()
    return {
        "ours, async with": partial(with_block, ours(count)),
        "ours, call": partial(with_call, ours(count).call),
        "ours with slow calls, async with": partial(with_block, ours(slow)),
        "ours with slow calls, call": partial(with_call, ours(slow).call),
        "ours over 30 s, async with": partial(with_block, ours(time)),
        "ours over 30 s, call": partial(with_call, ours(time).call),
        "purgatory, async with": partial(with_block, await factory.get_breaker("bench")),
        "purgatory, decorator": partial(decorated, factory("other")(work)),
        "aiobreaker, call_async": partial(with_call, other.call_async),
        "aiobreaker, decorator": partial(decorated, other(work)),
        "pybreaker, call": partial(with_call, pybreaker.CircuitBreaker().call),
    }


async def measure(rounds: int, calls: int) -> dict[str, float]:
    """Microseconds over a bare `await`, by contestant."""
    everyone = await contestants()
    costs: dict[str, list[float]] = {name: [] for name in everyone}
    for _ in range(rounds):
        floor = await _timed(bare, calls)
        for name, loop in everyone.items():
            costs[name].append(await _timed(loop, calls) - floor)
    return {name: median(found) for name, found in costs.items()}


async def _timed(loop: Loop, calls: int) -> float:
    began = process_time()
    await loop(calls)
    return (process_time() - began) * 1e6 / calls


def compare(rounds: int = ROUNDS, calls: int = CALLS) -> dict[str, dict[str, float]]:
    """Measure on asyncio and on uvloop, and print a table."""
    figures = {
        loop: anyio.run(measure, rounds, calls, backend_options={"use_uvloop": loop == "uvloop"})
        for loop in ("asyncio", "uvloop")
    }
    print(f"{'microseconds over a bare await':<34}{'asyncio':>9}{'uvloop':>9}")
    for name in figures["asyncio"]:
        print(f"{name:<34}" + "".join(f"{seen[name]:>9.2f}" for seen in figures.values()))
    return figures


if __name__ == "__main__":
    compare()
