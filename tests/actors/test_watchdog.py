"""The watchdog: it names the handler that blocks the loop, and blames nobody else."""

import threading
import time
from dataclasses import replace
from typing import Any

import anyio
import pytest

from actors import ActorSystem, Blocked, _watchdog
from actors._backend import current_backend
from actors._watchdog import Watchdog
from tests.actors.cast import Do, Player


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_watchdog_names_the_handler_that_blocks_the_loop(backend: str) -> None:
    seen: list[Blocked] = []
    released = threading.Event()

    async def main() -> None:
        async with ActorSystem(watchdog=0.05) as system:
            system.on_blocked(lambda blocked: released.set())

            def broken(_: Blocked) -> None:
                raise ValueError("an observer's own trouble")

            system.on_blocked(broken)
            system.on_blocked(seen.append)
            player = system.spawn(Player, name="player")
            with anyio.fail_after(30):
                await anyio.sleep(0.2)
                await player.ask(Do(lambda _: time.sleep(0.5)), timeout=30)
                while not by_the_player():
                    await anyio.sleep(0.01)
            assert system.snapshot().blocked == len(seen)

    def by_the_player() -> list[Blocked]:
        # A machine that stalls is reported too, with nobody to blame.
        return [blocked for blocked in seen if blocked.actor is not None]

    anyio.run(main, backend=backend)
    (blocked,) = by_the_player()
    assert blocked.actor == "player"
    assert blocked.seconds >= 0.05
    assert "time.sleep(0.5)" in blocked.stack


def test_a_watchdog_knows_when_it_was_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Blocked] = []

    async def main() -> None:
        async with ActorSystem(watchdog=0.05) as system:
            system.on_blocked(seen.append)
            time.sleep(0.5)  # noqa: ASYNC251
            with anyio.fail_after(30):
                while not seen:
                    await anyio.sleep(0.01)

    anyio.run(main)
    assert seen[0].actor is None


@pytest.mark.anyio
@pytest.mark.parametrize("ended", [False, True])
async def test_a_watchdog_ends_quietly_with_a_loop_that_never_came_back(
    anyio_backend: tuple[str, dict[str, Any]], ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    noticed = threading.Event()
    monkeypatch.setattr(_watchdog.log, "warning", lambda *_, **__: noticed.set())

    def call(function: object) -> None:
        calls.append(function)
        if ended:
            raise RuntimeError("the loop has ended")

    before = set(threading.enumerate())
    watchdog = Watchdog(0.01)
    watchdog.start(replace(current_backend(), call_from_thread=call))
    (thread,) = set(threading.enumerate()) - before
    assert thread.name == "actors-watchdog"
    assert noticed.wait(10)
    watchdog.stop()
    thread.join(10)
    assert watchdog.count == 0
    assert len(calls) == 1


@pytest.mark.anyio
async def test_a_watchdog_must_be_asked_for(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="has no watchdog"):
        system.on_blocked(print)
    with pytest.raises(ValueError, match="needs some seconds"):
        ActorSystem(watchdog=0.0)
